import { spawnSync } from "node:child_process";
import { chownSync, readFileSync } from "node:fs";

/** Made by scripts/prepare-machine.mjs, with ids in /etc/subuid and /etc/subgid. */
const NAME = "varve-test";
/** "nobody": a user whom nobody has given more ids. */
const LONE_ID = 65534;

export interface OrdinaryUser {
  readonly uid: number;
  readonly gid: number;
}

/** A user with more ids than one; `undefined` where there is none. */
export function ordinaryUser(): OrdinaryUser | undefined {
  const row = rowsOf("/etc/passwd").find(([name]) => name === NAME);
  const hasIds = ["/etc/subuid", "/etc/subgid"].every((file) => rowsOf(file).some(([name]) => name === NAME));
  return row === undefined || !hasIds ? undefined : { uid: Number(row[2]), gid: Number(row[3]) };
}

export const LONE_USER: OrdinaryUser = { uid: LONE_ID, gid: LONE_ID };

function rowsOf(file: string): readonly (readonly string[])[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.split(":"));
  } catch {
    return [];
  }
}

/** Before a command that root calls as another user. */
export function asUser({ uid, gid }: OrdinaryUser): readonly [program: string, ...words: string[]] {
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
}

/** What a user can't run of this project, or in a user namespace. @returns `undefined` when all is well. */
export function whyNotAs(user: OrdinaryUser): string | undefined {
  const [program, ...words] = asUser(user);
  const call = (...command: readonly string[]): boolean =>
    spawnSync(program, [...words, ...command], { stdio: "ignore" }).status === 0;
  if (!call(process.execPath, "--check", "dist/varve.js")) return "needs a clone that ordinary users may read";
  return call("unshare", "--user", "--map-root-user", "true") ? undefined : "needs user namespaces";
}

export function mayUseTunnels(user: OrdinaryUser): boolean {
  const [program, ...words] = asUser(user);
  return spawnSync(program, [...words, "sh", "-c", ": <> /dev/net/tun"], { stdio: "ignore" }).status === 0;
}

/** Gives a directory, and what is in it, to a user. */
export function giveTo({ uid, gid }: OrdinaryUser, ...paths: readonly string[]): void {
  for (const path of paths) chownSync(path, uid, gid);
  spawnSync("chown", ["-R", `${uid}:${gid}`, ...paths]);
}
