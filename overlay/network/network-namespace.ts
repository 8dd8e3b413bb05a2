import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, rmSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { hasCode } from "../../linux/errno.js";
import { MNT_DETACH, mount, MS_BIND, unmount } from "../../linux/mount.js";
import { makeNetworkNamespace } from "../../linux/namespaces.js";
import { AT_FDCWD, closeDescriptor, openAt } from "../../linux/open-at.js";
import { isInUserNamespace } from "../../linux/user-namespace.js";
import { MOUNTS } from "../mounts/mounted-roots.js";
import { findExecutable } from "../rootfs/executable-search.js";

/**
 * Where a container's network namespace is mounted, among the mounts of its run: it lasts as long as these, so that it is still there to be taken down in
 * order when the process has ended, and no kill -9 leaves it behind.
 */
export function namespacePlace(containers: string, id: string): string {
  return path.join(containers, MOUNTS, `${id}.net`);
}

/** Within the private mount namespace of a run. */
export function mountNamespace(containers: string, id: string): void {
  const place = namespacePlace(containers, id);
  mkdirSync(path.dirname(place), { recursive: true, mode: 0o700 });
  closeSync(openSync(place, "a", 0o600));
  if (isInUserNamespace()) return mountByChild(place);
  const made = makeNetworkNamespace();
  try {
    mount({ source: `/proc/self/fd/${made}`, target: latin1(place), type: "none", flags: MS_BIND });
  } finally {
    closeDescriptor(made);
  }
}

/** In a user namespace nobody comes back from a network namespace of his own to this machine's. */
function mountByChild(place: string): void {
  const unshare = findExecutable("unshare") ?? "unshare";
  const { status, stderr, error } = spawnSync(unshare, [`--net=${place}`, "/bin/sh", "-c", ":"], { encoding: "utf8", cwd: "/" });
  if (status === 0) return;
  throw new VarveError("RUNTIME_FAILED", `Cannot make a network namespace: ${error?.message ?? stderr.trim()}`, {
    path: unshare,
  });
}

/** Does nothing when it isn't mounted. */
export function unmountNamespace(containers: string, id: string): void {
  const place = namespacePlace(containers, id);
  if (!existsSync(place)) return;
  try {
    unmount(latin1(place), MNT_DETACH);
  } catch (error) {
    if (!hasCode(error, "EINVAL", "ENOENT")) throw error;
  }
  rmSync(place, { force: true });
}

/** @param use Gets a path that is valid in every mount namespace. */
export function withNamespace<T>(containers: string, id: string, use: (namespace: string) => T): T {
  return withDescriptor(openAt(AT_FDCWD, latin1(namespacePlace(containers, id)), 0), use);
}

/** The same with a new one, which ends afterwards. */
export function withPassingNamespace<T>(use: (namespace: string) => T): T {
  return withDescriptor(makeNetworkNamespace(), use);
}

function withDescriptor<T>(descriptor: number, use: (namespace: string) => T): T {
  try {
    return use(`/proc/${process.pid}/fd/${descriptor}`);
  } finally {
    closeDescriptor(descriptor);
  }
}

function latin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
