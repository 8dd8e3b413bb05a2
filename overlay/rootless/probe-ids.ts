import { readIdMap } from "../../linux/user-namespace.js";

interface Finding {
  readonly ok: boolean;
  readonly detail: string;
  readonly hint: string | undefined;
}

/** How many owners files of containers can have in this process's user namespace. */
export function idsOfUser(): Finding {
  const [users, groups] = (["uid", "gid"] as const).map((kind) => readIdMap(kind).reduce((sum, { count }) => sum + count, 0));
  if (Math.min(users!, groups!) > 1) return { ok: true, detail: `${users} users, ${groups} groups`, hint: undefined };
  return {
    ok: false,
    detail: "one: all files of a container are this user's",
    hint: 'Install the package uidmap, and have an administrator give ids: "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER".',
  };
}
