import { VarveError } from "../../core/errors.js";
import { holdsId, isInUserNamespace, maySetGroups, readIdMap } from "../../linux/user-namespace.js";
import type { ContainerUser } from "../rootfs/container-user.js";

/**
 * Who a process is: the user with the groups that were asked for. Of the user's own groups, in a user namespace, those that
 * have no id there are left out.
 * @throws VarveError RUNTIME_FAILED when the user, its first group or a group that was asked for has none.
 */
export function mappedUser(user: ContainerUser, asked: readonly number[]): ContainerUser {
  if (!isInUserNamespace()) return withGroups(user, asked);
  const [uids, gids] = [readIdMap("uid"), readIdMap("gid")];
  if (!holdsId(uids, user.uid)) throw refused(`run as user ${user.uid} in the container`, user.uid, "/etc/subuid");
  if (!holdsId(gids, user.gid)) throw refused(`run as group ${user.gid} in the container`, user.gid, "/etc/subgid");
  const canHave = maySetGroups() ? (group: number) => holdsId(gids, group) : (group: number) => group === user.gid;
  const beyond = asked.find((group) => !canHave(group));
  if (beyond !== undefined) throw refused(`give the process the group ${beyond}`, beyond, "/etc/subgid");
  return maySetGroups() ? withGroups({ ...user, groups: user.groups.filter(canHave) }, asked) : { ...user, groups: [] };
}

function withGroups(user: ContainerUser, more: readonly number[]): ContainerUser {
  return { ...user, groups: [...new Set([...user.groups, ...more])] };
}

/** Ids of a map are counted from 0, which is the user's own. */
function refused(what: string, id: number, file: string): VarveError {
  return new VarveError("RUNTIME_FAILED", `Cannot ${what}: this user has no id for it`, {
    hint: `Have an administrator give this user ${id} ids or more in ${file}, or run the command as root.`,
  });
}
