import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { holdCertificates } from "../../core/held-certificates.js";
import { NAMESPACE_VARIABLE } from "../../core/user-outside.js";
import { SystemCallError } from "../../linux/errno.js";
import { replaceProcess } from "../../linux/execute.js";
import { tryLock } from "../../linux/lock.js";
import { AT_FDCWD, inheritableDescriptor, openAt } from "../../linux/open-at.js";
import { needsUserNamespace } from "../../linux/user-namespace.js";
import { pauseThread } from "../pause-thread.js";
import { systemFailure } from "../system-failure.js";
import { NamespaceMembers } from "./namespace-members.js";
import { existingNamespace, newNamespace, userInfo } from "./namespace-programs.js";

const LOCK_ATTEMPTS = 2000;
const LOCK_PAUSE_MILLISECONDS = 5;

export interface EnterOptions {
  /** The containers' directory, absolute. */
  readonly directory: string;
  /** A process on one of these containers, which outlives the command that started it. */
  readonly findMember: () => number | undefined;
  /** Hears, once a store, why files in it have one owner alone. */
  readonly onSingleOwner: (reason: string) => void;
}

/**
 * Starts this command anew, in this very process, as root of the user namespace in which the processes on a store's containers are, or of a new
 * one. Node itself can't enter one: the kernel takes processes with a single thread alone.
 *
 * Does nothing where it is not needed. What was begun must have been taken back: nothing after this is done.
 *
 * @param containers Without them the namespace is for this process alone.
 * @throws VarveError RUNTIME_MISSING, MOUNT_UNAVAILABLE, PERMISSION.
 */
export function enterUserNamespace(containers: EnterOptions | undefined): void {
  if (!needsUserNamespace()) return;
  if (containers === undefined) {
    const { path: program, words } = newNamespace();
    return restartBy(program, words, "-");
  }
  try {
    mkdirSync(containers.directory, { recursive: true, mode: 0o700 });
    const lock = lockNamespace(containers.directory);
    try {
      joinOrMake(containers);
    } finally {
      closeSync(lock);
    }
  } catch (error) {
    throw systemFailure("make a user namespace", error, containers.directory);
  }
}

function joinOrMake({ directory, findMember, onSingleOwner }: EnterOptions): void {
  const members = new NamespaceMembers(path.join(directory, "namespace"));
  const member = members.find() ?? findMember();
  const held = member === undefined ? undefined : tryHold(member);
  if (held !== undefined) {
    const { path: program, words } = existingNamespace(`/proc/self/fd/${held}`);
    members.addSelf();
    return restartBy(program, words, String(held));
  }
  const { path: program, words, single } = newNamespace();
  if (single !== undefined) tellOnce(directory, single, onSingleOwner);
  members.addSelf();
  restartBy(program, words, "-");
}

/** @returns A descriptor of its namespace, which stays for as long as that is open; `undefined` when it is gone. */
function tryHold(pid: number): number | undefined {
  try {
    const descriptor = openAt(AT_FDCWD, `/proc/${pid}/ns/user`, 0);
    try {
      return inheritableDescriptor(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (error instanceof SystemCallError) return undefined;
    throw error;
  }
}

function lockNamespace(containers: string): number {
  const descriptor = openSync(path.join(containers, "namespace.lock"), "a", 0o600);
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
    // It is free when this process has become another program.
    if (tryLock(descriptor, "exclusive")) return descriptor;
    pauseThread(LOCK_PAUSE_MILLISECONDS);
  }
  closeSync(descriptor);
  throw new VarveError("STORE_LOCKED", "Cannot make a user namespace: another command does so, and does not end", {
    path: containers,
    hint: "Run the command again later.",
  });
}

function tellOnce(containers: string, reason: string, tell: EnterOptions["onSingleOwner"]): void {
  const mark = path.join(containers, "single-owner");
  if (existsSync(mark)) return;
  tell(reason);
  writeFileSync(mark, `${reason}\n`, { mode: 0o600 });
}

function restartBy(program: string, words: readonly string[], held: string): void {
  const texts = (file: string): Buffer[] => splitAtNul(readFileSync(file));
  // As they came: Node would have decoded them.
  const [, ...rest] = texts("/proc/self/cmdline");
  const given = texts("/proc/self/environ").filter((text) => !text.toString("latin1").startsWith(`${NAMESPACE_VARIABLE}=`));
  const { uid, username } = userInfo();
  const environment = [...holdCertificates(given), Buffer.from(`${NAMESPACE_VARIABLE}=${held} ${username || `user-${uid}`}`)];
  const before = [path.basename(program), ...words, "--", process.execPath].map((word) => Buffer.from(word));
  replaceProcess(Buffer.from(program), [...before, ...rest], environment);
}

function splitAtNul(bytes: Buffer): Buffer[] {
  const texts: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(0, start);
    texts.push(bytes.subarray(start, end === -1 ? bytes.length : end));
    start = end === -1 ? bytes.length : end + 1;
  }
  return texts;
}
