import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { LayerName } from "../../core/ports/layer-store.js";
import { ImageDirectory } from "../erofs/image-directory.js";
import * as F from "../erofs/image-format.js";
import type { LayerImage } from "../erofs/layer-image.js";

/**
 * The names that a layer holds, as bytes: for each of a directory, in byte order, {kind u8, length of the name u8, name}, and after a directory's
 * {bytes of what is below u32, what is below}. So that a directory which is not asked about is passed over at once.
 */
export type NameRecord = Buffer;

const KINDS: readonly LayerName["kind"][] = ["directory", "other", "deleted"];
const DIRECTORY = 0;
const OTHER = 1;
const DELETED = 2;
/** Of kind and length. */
const HEAD_BYTES = 2;
const SIZE_BYTES = 4;
/** Some 3,000 names. A layer of more is looked into itself. */
export const LARGEST_RECORD_BYTES: number = 2 ** 16;

/** @returns `undefined` for a layer of too many names, and for one with a directory that hides what is below it. */
export function encodeNames(image: LayerImage): NameRecord | undefined {
  const record = Buffer.allocUnsafe(LARGEST_RECORD_BYTES);
  let end = 0;
  for (const event of walkImage(image)) {
    if (event === "opaque") return undefined;
    if (typeof event === "number") {
      record.writeUInt32LE(end - event - SIZE_BYTES, event);
      continue;
    }
    const { name, kind } = event;
    if (end + HEAD_BYTES + name.length + SIZE_BYTES > record.length) return undefined;
    record.writeUInt8(kind, end);
    record.writeUInt8(name.length, end + 1);
    record.write(name, end + HEAD_BYTES, "latin1");
    end += HEAD_BYTES + name.length;
    if (kind !== DIRECTORY) continue;
    event.sizeAt = end;
    end += SIZE_BYTES;
  }
  return Buffer.from(record.subarray(0, end));
}

interface NameEvent {
  readonly name: ByteString;
  readonly kind: number;
  readonly path: ByteString;
  /** Of a directory: where the taker keeps the size of what is below. Given back when that is at its end. */
  sizeAt: number;
}

/** Depth first, without a stack frame a level. */
function* walkImage(image: LayerImage): Generator<NameEvent | number | "opaque"> {
  const open = [levelOf(image, image.rootNid, image.rootNid)];
  if (open[0]!.isOpaque) yield "opaque";
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    const step = level.entries.next();
    if (step.done === true) {
      open.pop();
      if (level.event !== undefined) yield level.event.sizeAt;
      continue;
    }
    const { name, nid, type } = step.value;
    const event = {
      name,
      kind: kindOf(image, nid, type),
      path: joinPath(level.event?.path ?? ("" as ByteString), name),
      sizeAt: 0,
    };
    yield event;
    if (event.kind !== DIRECTORY) continue;
    open.push(levelOf(image, nid, level.nid, event));
    if (open.at(-1)!.isOpaque) yield "opaque";
  }
}

interface Level {
  readonly nid: number;
  readonly entries: ReturnType<ImageDirectory["entries"]>;
  readonly isOpaque: boolean;
  readonly event: NameEvent | undefined;
}

function levelOf(image: LayerImage, nid: number, parent: number, event?: NameEvent): Level {
  const directory = new ImageDirectory(image, nid, parent);
  return { nid, entries: directory.entries(), isOpaque: image.xattrs(directory.inode).opaque, event };
}

function kindOf(image: LayerImage, nid: number, type: number): number {
  if (type === F.DIRENT_DIRECTORY) return DIRECTORY;
  return type === F.DIRENT_CHARACTER && image.inode(nid).address === 0 ? DELETED : OTHER;
}

/** The names of a layer that has too many for a record. Depth first. */
export function* namesOfImage(image: LayerImage): Generator<LayerName> {
  for (const event of walkImage(image)) {
    if (typeof event === "object") yield { path: event.path, kind: KINDS[event.kind]! };
  }
}

/** Whether a directory of it is opaque: varve writes none. */
export function hidesWhatIsBelow(image: LayerImage): boolean {
  for (const event of walkImage(image)) if (event === "opaque") return true;
  return false;
}

/** Depth first. @throws RangeError for bytes that are no record. */
export function* namesOf(record: NameRecord): Generator<LayerName> {
  const ends = [record.length];
  const paths = ["" as ByteString];
  for (let at = 0; at < record.length;) {
    while (at === ends.at(-1)) leave(ends, paths);
    const { kind, name, next, end } = entryAt(record, at);
    if (end > ends.at(-1)!) throw broken();
    const path = joinPath(paths.at(-1)!, name);
    yield { path, kind: KINDS[kind]! };
    at = next;
    if (kind !== DIRECTORY) continue;
    ends.push(end);
    paths.push(path);
  }
}

function leave(ends: number[], paths: ByteString[]): void {
  ends.pop();
  paths.pop();
}

/**
 * What a record says of a path.
 * @returns `undefined` when the layer has no such name; "above" when something that is no directory stands on the way.
 * @throws RangeError for bytes that are no record.
 */
export function findName(record: NameRecord, path: ByteString): LayerName["kind"] | "above" | undefined {
  let [at, end] = [0, record.length];
  const names = path === "" ? [] : path.split("/");
  let kind = DIRECTORY;
  for (const [index, wanted] of names.entries()) {
    const found = entryIn(record, at, end, wanted);
    if (found === undefined) return undefined;
    if (found.kind !== DIRECTORY && index < names.length - 1) return "above";
    ({ kind, next: at, end } = found);
  }
  return KINDS[kind];
}

function entryIn(record: NameRecord, start: number, end: number, wanted: string): RecordEntry | undefined {
  for (let at = start; at < end;) {
    const entry = entryAt(record, at);
    if (entry.end > end) throw broken();
    if (entry.name === wanted) return entry;
    if (entry.name > wanted) return undefined;
    at = entry.end;
  }
  return undefined;
}

interface RecordEntry {
  readonly kind: number;
  readonly name: ByteString;
  /** What follows: of a directory, what is below. */
  readonly next: number;
  /** Behind what is below. */
  readonly end: number;
}

function entryAt(record: NameRecord, at: number): RecordEntry {
  const kind = record.readUInt8(at);
  const nameEnd = at + HEAD_BYTES + record.readUInt8(at + 1);
  const name = record.toString("latin1", at + HEAD_BYTES, nameEnd) as ByteString;
  if (nameEnd > record.length || kind > DELETED || name === "" || name.includes("/")) throw broken();
  if (kind !== DIRECTORY) return { kind, name, next: nameEnd, end: nameEnd };
  const next = nameEnd + SIZE_BYTES;
  const end = next + record.readUInt32LE(nameEnd);
  if (end > record.length) throw broken();
  return { kind, name, next, end };
}

function broken(): RangeError {
  return new RangeError("these bytes are no record of names");
}
