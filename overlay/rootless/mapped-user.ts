import { VarveError } from "../../core/errors.js";
import { holdsId, isInUserNamespace, maySetGroups, readIdMap } from "../../linux/user-namespace.js";
import type { ContainerUser } from "../rootfs/container-user.js";

/**
 * Who a process can be in a user namespace: groups that have no id there are left out.
 * @throws VarveError RUNTIME_FAILED when the user or its first group has none.
 */
export function mappedUser(user: ContainerUser): ContainerUser {
  if (!isInUserNamespace()) return user;
  const [uids, gids] = [readIdMap("uid"), readIdMap("gid")];
  if (!holdsId(uids, user.uid)) throw refused("user", user.uid, "/etc/subuid");
  if (!holdsId(gids, user.gid)) throw refused("group", user.gid, "/etc/subgid");
  return { ...user, groups: maySetGroups() ? user.groups.filter((group) => holdsId(gids, group)) : [] };
}

function refused(what: string, id: number, file: string): VarveError {
  return new VarveError("RUNTIME_FAILED", `Cannot run as ${what} ${id} in the container: this user has no id for it`, {
    hint: `Have an administrator give this user ${id} ids or more in ${file}, or run the command as root.`,
  });
}
