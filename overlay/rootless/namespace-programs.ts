import { existsSync, fstatSync, readFileSync } from "node:fs";
import os from "node:os";
import { VarveError } from "../../core/errors.js";
import { AT_FDCWD, closeDescriptor, O_PATH, openAt } from "../../linux/open-at.js";
import { getXattr } from "../../linux/xattr.js";
import { findExecutable } from "../rootfs/executable-search.js";
import { subordinateRange } from "./subordinate-ids.js";

const SET_USER_ID = 0o4000;

export interface NamespaceProgram {
  /** Absolute. */
  readonly path: string;
  /** Before the command that is to run in the namespace. */
  readonly words: readonly string[];
  /** Why files in it have one owner alone; `undefined` when they have not. */
  readonly single: string | undefined;
}

/**
 * How a new user namespace is made for this user: unshare(1) calls newuidmap(1) and newgidmap(1), which alone may give a namespace more ids than
 * the user's own.
 *
 * @param settings Where the kernel shows its settings.
 * @throws VarveError RUNTIME_MISSING, MOUNT_UNAVAILABLE.
 */
export function newNamespace(settings = "/proc/sys"): NamespaceProgram {
  requireNamespaces(settings);
  const path = requireProgram("unshare");
  const { uid, username: name } = userInfo();
  const [uids, gids] = ["/etc/subuid", "/etc/subgid"].map((file) => subordinateRange(file, { name, uid }));
  const base = ["--user", "--map-root-user"];
  const isLocked = /^NoNewPrivs:\s*1$/m.test(readFileSync("/proc/self/status", "latin1"));
  if (isLocked) return { path, words: base, single: "no program that it starts gets more rights (no_new_privs)" };
  if (uids === undefined || gids === undefined) {
    const file = uids === undefined ? "/etc/subuid" : "/etc/subgid";
    return { path, words: base, single: `${file} gives ${name || uid} no ids` };
  }
  const obstacle = mapperObstacle("newuidmap") ?? mapperObstacle("newgidmap");
  if (obstacle !== undefined) return { path, words: base, single: `${obstacle} (package uidmap)` };
  // Root inside is this user; the others follow. In the form of util-linux 2.38, which newer ones take, too.
  const maps = [`--map-users=${uids.first},1,${uids.count}`, `--map-groups=${gids.first},1,${gids.count}`];
  return { path, words: [...base, ...maps], single: undefined };
}

/** The kernel refuses maps from one without rights, which images and copies of a system often lose. @returns `undefined` when it has them. */
function mapperObstacle(name: string): string | undefined {
  const found = findExecutable(name);
  if (found === undefined) return `there is no ${name}`;
  if (hasRightsOfRoot(found)) return undefined;
  return `${found} has no rights of root, neither by its mode (u+s) nor by a capability`;
}

function hasRightsOfRoot(program: string): boolean {
  const descriptor = openAt(AT_FDCWD, program, O_PATH);
  try {
    const { mode, uid } = fstatSync(descriptor);
    return (uid === 0 && (mode & SET_USER_ID) !== 0) || getXattr(descriptor, "", "security.capability") !== undefined;
  } finally {
    closeDescriptor(descriptor);
  }
}

/** How a namespace is entered that other processes of this user are in. @param file Of it, such as `/proc/PID/ns/user`. */
export function existingNamespace(file: string): Pick<NamespaceProgram, "path" | "words"> {
  return { path: requireProgram("nsenter"), words: [`--user=${file}`, "--preserve-credentials"] };
}

export function userInfo(): { readonly uid: number; readonly username: string } {
  try {
    return os.userInfo();
  } catch {
    // Nobody of that number stands in /etc/passwd.
    return { uid: process.getuid?.() ?? 0, username: "" };
  }
}

function requireProgram(name: string): string {
  const found = findExecutable(name);
  if (found !== undefined) return found;
  throw new VarveError(
    "RUNTIME_MISSING",
    `Cannot make a user namespace: there is no ${name}(1), which containers without root need`,
    {
      hint: 'Install the package util-linux, such as with "apt-get install util-linux", or run the command as root.',
    },
  );
}

/** The settings by which a machine forbids ordinary users their own namespaces, and the value that does. */
const FORBIDDING: readonly (readonly [setting: string, value: string, wanted: string])[] = [
  ["user/max_user_namespaces", "0", "10000"],
  ["kernel/unprivileged_userns_clone", "0", "1"],
  ["kernel/apparmor_restrict_unprivileged_userns", "1", "0"],
];

/** unshare(1) would only say that it is not permitted. */
function requireNamespaces(settings: string): void {
  for (const [setting, value, wanted] of FORBIDDING) {
    const file = `${settings}/${setting}`;
    if (!existsSync(file) || readFileSync(file, "latin1").trim() !== value) continue;
    throw new VarveError(
      "MOUNT_UNAVAILABLE",
      `Cannot make a user namespace: this machine's settings forbid it to ordinary users`,
      {
        path: file,
        hint: `As root: sysctl ${setting.replace("/", ".")}=${wanted}. Or run the command as root.`,
      },
    );
  }
}
