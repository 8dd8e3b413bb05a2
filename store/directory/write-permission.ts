import { readFileSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { textOf, type ByteString } from "../../core/model/byte-string.js";
import type { Entry } from "../../core/model/entry.js";
import { treePathText } from "../../core/model/paths.js";

/** Bits of CapEff, from linux/capability.h. */
const CAP_CHOWN = 0n;
const CAP_SYS_ADMIN = 21n;
const CAP_MKNOD = 27n;

/** What this process may write, known before it tries. */
export class WritePermission {
  readonly #capabilities: bigint = effectiveCapabilities();
  readonly #uid: number = process.geteuid?.() ?? 0;
  readonly #groups: ReadonlySet<number> = new Set([process.getegid?.() ?? 0, ...(process.getgroups?.() ?? [])]);

  /** Whether nothing needs to be checked. */
  get isFull(): boolean {
    return [CAP_CHOWN, CAP_SYS_ADMIN, CAP_MKNOD].every((capability) => this.#has(capability));
  }

  #has(capability: bigint): boolean {
    return ((this.#capabilities >> capability) & 1n) === 1n;
  }

  /** @throws VarveError PERMISSION when an entry can't be made or changed as it should be. */
  check(entry: Entry, path: ByteString): void {
    const isDevice = entry.type === "character" || entry.type === "block";
    if (isDevice && !this.#has(CAP_MKNOD)) throw refused(path, "make a device node");
    const isOwn = entry.uid === this.#uid && this.#groups.has(entry.gid);
    if (!isOwn && !this.#has(CAP_CHOWN)) throw refused(path, `give it to user ${entry.uid} and group ${entry.gid}`);
    const restricted = entry.xattrs.find(({ name }) => /^(trusted|security)\./.test(name));
    if (restricted && !this.#has(CAP_SYS_ADMIN)) throw refused(path, `set its xattr ${textOf(restricted.name)}`);
  }
}

function refused(path: ByteString, what: string): VarveError {
  const text = path === "" ? undefined : treePathText(path);
  const place = text === undefined ? "the root of the tree" : `"${text}"`;
  return new VarveError("PERMISSION", `Cannot write ${place}: this user may not ${what}, wanted root`, {
    path: text,
    hint: "Run the command as root. Nothing was changed.",
  });
}

function effectiveCapabilities(): bigint {
  const found = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"));
  return BigInt(`0x${found?.[1] ?? "0"}`);
}
