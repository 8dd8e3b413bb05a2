import { holdsId, isInUserNamespace, readIdMap } from "../../linux/user-namespace.js";

/** `tty`, which terminals belong to: of the same number everywhere. */
export const TERMINAL_GROUP = 5;

/** What a runtime must know of the user namespace that it is started in. */
export interface OwnNamespace {
  readonly hasTerminalGroup: boolean;
}

/** @returns `undefined` for root of the machine. */
export function ownNamespace(): OwnNamespace | undefined {
  return isInUserNamespace() ? { hasTerminalGroup: holdsId(readIdMap("gid"), TERMINAL_GROUP) } : undefined;
}
