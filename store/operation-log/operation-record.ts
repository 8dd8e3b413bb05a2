import { createHash } from "node:crypto";
import type { ByteString } from "../../core/model/byte-string.js";
import { parseCommitId, parseTagId, type CommitId, type RefName } from "../../core/model/ids.js";
import { CONTAINER_NAME } from "../../core/ports/containers.js";
import type { RefUpdate } from "../../core/ports/history.js";
import type {
  LimitsUpdate,
  NameUpdate,
  Operation,
  Standing,
  StandingUpdate,
  TreeUpdate,
  UpstreamUpdate,
} from "../../core/ports/operation-log.js";
import type { ProgressUpdate } from "../../core/ports/work-in-progress.js";
import { parseRefName } from "../../core/revision/ref-names.js";
import { crc32 } from "../crc.js";
import { checkProgress, isProgressSlot } from "./progress-record.js";

const HEX_CRC = 8;
const ID_DIGITS = 12;
const ID = /^[0-9a-f]{12}$/;

/**
 * An operation's id: from what it is and from where it stands, so that no two of a log are alike, and the same work gives the same ids.
 *
 * @param offset Where in the log its line begins.
 */
export function operationId(operation: Omit<Operation, "id">, offset: number): string {
  return createHash("sha256")
    .update(`${offset} ${JSON.stringify(operation)}`)
    .digest("hex")
    .slice(0, ID_DIGITS);
}

/** One line: checksum (CRC-32 of the JSON, 8 hex digits), a space, JSON, newline. */
export function encodeOperation(operation: Operation): Buffer {
  const json = Buffer.from(JSON.stringify(operation));
  return Buffer.concat([Buffer.from(`${checksum(json)} `), json, Buffer.from("\n")]);
}

/** @param line Without its newline. @returns `undefined` when it is torn or breaks the format. */
export function decodeOperation(line: Buffer): Operation | undefined {
  const json = line.subarray(HEX_CRC + 1);
  if (json.length === 0 || line.toString("latin1", 0, HEX_CRC + 1) !== `${checksum(json)} `) return undefined;
  try {
    return checkOperation(JSON.parse(json.toString("utf8")) as Operation);
  } catch {
    return undefined;
  }
}

const KINDS: readonly unknown[] = [undefined, "undo", "redo", "restore"];

/** The ids and names in it become refs and trees again, so they are checked like any other from the disk. */
function checkOperation(value: Operation): Operation | undefined {
  const { id, time, user, command, refs, trees, head, standings, names, limits, upstreams, progress, forgets, undoes, kind } =
    value;
  const texts = [time, command, user ?? ""];
  const fits = ID.test(id) && texts.every((text) => typeof text === "string") && KINDS.includes(kind);
  if (!fits || (undoes !== undefined && !ID.test(undoes))) return undefined;
  return {
    id,
    time,
    ...(user !== undefined && { user }),
    command,
    refs: refs.map(checkRef),
    trees: trees.map(checkTree),
    ...(head && { head: { before: parseRefName(head.before), after: parseRefName(head.after) } }),
    ...(standings && { standings: standings.map(checkStandingUpdate) }),
    ...(names && { names: names.map(checkNameUpdate) }),
    ...(limits && { limits: limits.map(checkLimitsUpdate) }),
    ...(upstreams && { upstreams: upstreams.map(checkUpstream) }),
    ...(progress && { progress: progress.map(checkProgressUpdate) }),
    ...(forgets && { forgets: forgets.map(checkPath) }),
    ...(undoes !== undefined && { undoes }),
    ...(kind !== undefined && { kind }),
  };
}

/** A path's bytes, each as one character. */
function checkPath(path: ByteString): ByteString {
  if (typeof path === "string" && path !== "" && /^[\x01-\xff]*$/.test(path)) return path;
  throw new RangeError("a path that is none");
}

function checkRef({ name, before, after, beforeTag, afterTag, from }: RefUpdate): RefUpdate {
  return {
    name: parseRefName(name),
    before: checkCommit(before),
    after: checkCommit(after),
    ...(beforeTag !== undefined && { beforeTag: parseTagId(beforeTag) }),
    ...(afterTag !== undefined && { afterTag: parseTagId(afterTag) }),
    ...(from !== undefined && { from: parseRefName(from) }),
  };
}

function checkStandingUpdate({ container, before, after }: StandingUpdate): StandingUpdate {
  if (!ID.test(container)) throw new RangeError("a container that is none");
  return { container, before: checkStanding(before), after: checkStanding(after) };
}

function checkNameUpdate({ container, before, after }: NameUpdate): NameUpdate {
  const isName = (name: unknown): boolean => typeof name === "string" && CONTAINER_NAME.test(name);
  if (!ID.test(container) || !isName(before) || !isName(after)) throw new RangeError("a name that is none");
  return { container, before, after };
}

/** What a limit may be is checked where it is set. */
function checkLimitsUpdate({ container, before, after }: LimitsUpdate): LimitsUpdate {
  const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!ID.test(container) || !isObject(before) || !isObject(after)) throw new RangeError("limits that are none");
  return { container, before, after };
}

function checkStanding({ branch, branchMadeAt }: Standing): Standing {
  return { branch: parseRefName(branch), ...(branchMadeAt !== undefined && { branchMadeAt: parseCommitId(branchMadeAt) }) };
}

function checkUpstream({ branch, before, after }: UpstreamUpdate): UpstreamUpdate {
  return { branch: parseRefName(branch), before: checkName(before), after: checkName(after) };
}

function checkName(name: RefName | undefined): RefName | undefined {
  return name === undefined ? undefined : parseRefName(name);
}

function checkProgressUpdate({ slot, before, after }: ProgressUpdate): ProgressUpdate {
  if (!isProgressSlot(slot)) throw new RangeError("a slot that is none");
  return { slot, before: before && checkProgress(before), after: after && checkProgress(after) };
}

function checkTree({ target, before, after, container }: TreeUpdate): TreeUpdate {
  checkTarget(target);
  if (container !== undefined && (target.kind !== "container" || container["id"] !== target.id)) {
    throw new RangeError("another container's record");
  }
  return { target, before: checkCommit(before), after: checkCommit(after), ...(container && { container }) };
}

/** A container's id becomes the name of its directory. */
function checkTarget(target: TreeUpdate["target"]): void {
  const kind: string = target.kind;
  if (kind === "directory" || kind === "machine" || (target.kind === "container" && ID.test(target.id))) return;
  throw new RangeError("a target that is none");
}

function checkCommit(id: CommitId | undefined): CommitId | undefined {
  return id === undefined ? undefined : parseCommitId(id);
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(HEX_CRC, "0");
}
