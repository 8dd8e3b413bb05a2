import { textOf, type ByteString } from "../model/byte-string.js";
import type { Metadata, Xattr } from "../model/entry.js";
import type { Disputed } from "./conflict.js";
import type { Favor } from "./drivers/content-driver.js";

export interface Dispute {
  readonly what: Disputed;
  /** For people. */
  readonly why: string;
}

export interface MergedMetadata {
  readonly metadata: Metadata;
  readonly disputes: readonly Dispute[];
}

/** Of three versions of one value, the one that changed; `undefined` when both did, differently, or there is no base. */
export function changedOne<T>(
  base: T | undefined,
  ours: T,
  theirs: T,
  same: (a: T, b: T) => boolean = Object.is,
): { value: T } | undefined {
  if (same(ours, theirs)) return { value: ours };
  if (base === undefined) return undefined;
  if (same(base, ours)) return { value: theirs };
  return same(base, theirs) ? { value: ours } : undefined;
}

/** Mode, uid, gid and each xattr by themselves; of the times the newer of those that changed. What stays disputed is as in ours. */
export function mergeMetadata(base: Metadata | undefined, ours: Metadata, theirs: Metadata, favor?: Favor): MergedMetadata {
  const disputes: Dispute[] = [];
  const number = (name: "mode" | "uid" | "gid"): number => {
    const changed = changedOne(base?.[name], ours[name], theirs[name]);
    if (changed !== undefined) return changed.value;
    if (favor !== undefined) return favor === "ours" ? ours[name] : theirs[name];
    const shown = (value: number): string => (name === "mode" ? `0${value.toString(8)}` : String(value));
    const why = `${name} ${shown(ours[name])} (ours), ${shown(theirs[name])} (theirs)`;
    disputes.push({ what: name === "mode" ? "mode" : "owner", why });
    return ours[name];
  };
  const metadata = {
    mode: number("mode"),
    uid: number("uid"),
    gid: number("gid"),
    ...newerTime(base, ours, theirs),
    xattrs: mergeXattrs(base?.xattrs, ours.xattrs, theirs.xattrs, favor, disputes),
  };
  return { metadata, disputes };
}

type Time = Pick<Metadata, "mtimeSeconds" | "mtimeNanoseconds">;

function newerTime(base: Time | undefined, ours: Time, theirs: Time): Time {
  const { mtimeSeconds, mtimeNanoseconds } =
    changedOne(base, ours, theirs, sameTime)?.value ?? (isNewer(theirs, ours) ? theirs : ours);
  return { mtimeSeconds, mtimeNanoseconds };
}

function sameTime(a: Time, b: Time): boolean {
  return a.mtimeSeconds === b.mtimeSeconds && a.mtimeNanoseconds === b.mtimeNanoseconds;
}

export function isNewer(a: Time, b: Time): boolean {
  return a.mtimeSeconds > b.mtimeSeconds || (a.mtimeSeconds === b.mtimeSeconds && a.mtimeNanoseconds > b.mtimeNanoseconds);
}

function mergeXattrs(
  base: readonly Xattr[] | undefined,
  ours: readonly Xattr[],
  theirs: readonly Xattr[],
  favor: Favor | undefined,
  disputes: Dispute[],
): readonly Xattr[] {
  if (ours.length === 0 && theirs.length === 0) return ours;
  const [old, own, other] = [byName(base ?? []), byName(ours), byName(theirs)];
  const merged: Xattr[] = [];
  for (const name of [...new Set([...own.keys(), ...other.keys()])].sort()) {
    const [value, theirValue] = [own.get(name), other.get(name)];
    // Where there is no base, an xattr that one side alone has was added by it.
    const isAdded = base === undefined && (value === undefined || theirValue === undefined);
    const before = { value: old.get(name) };
    const changed = isAdded
      ? { value: { value: value ?? theirValue } }
      : changedOne(base === undefined ? undefined : before, { value }, { value: theirValue }, sameValue);
    if (changed === undefined && favor === undefined) disputes.push({ what: "xattr", why: `both sides changed ${textOf(name)}` });
    const chosen = changed === undefined ? (favor === "theirs" ? theirValue : value) : changed.value.value;
    if (chosen !== undefined) merged.push({ name, value: chosen });
  }
  return merged;
}

function byName(xattrs: readonly Xattr[]): Map<ByteString, Uint8Array> {
  return new Map(xattrs.map(({ name, value }) => [name, value]));
}

interface Value {
  readonly value: Uint8Array | undefined;
}

function sameValue({ value: a }: Value, { value: b }: Value): boolean {
  return a === b || (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0);
}
