import type { ByteString } from "../../model/byte-string.js";
import { withMarkers, type MergedStretch } from "../../text/merge-lines.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import type { DriverInput, DriverResult, Favor } from "./content-driver.js";

/** One record of a file: a user's line, a package's paragraph. */
export interface TextRecord {
  /** No two records of one file have the same. */
  readonly key: string;
  readonly text: ByteString;
}

export interface RecordVersions {
  readonly base: ByteString | undefined;
  readonly ours: ByteString;
  readonly theirs: ByteString;
}

export interface RecordFormat {
  /** What each record ends with, the last one perhaps excepted. */
  readonly end: "\n" | "\n\n";
  split(content: ByteString): TextRecord[];
  /** Of a record that both sides changed. @returns A text, or why there is none, for people. */
  merge(key: string, versions: RecordVersions, favor: Favor | undefined): ByteString | { readonly conflict: string };
  /** What a record is called in messages: `user "www-data"`. */
  describe(key: string): string;
  /** Of records that one side added or changed, the values that no two may have: `uid 1001`. */
  uniqueValues?(text: ByteString): readonly string[];
}

/** A record of the result, or the two sides' versions of it. */
type MergedRecord =
  | { readonly key: string; readonly text: ByteString }
  | { readonly key: string; readonly ours: readonly ByteString[]; readonly theirs: readonly ByteString[]; readonly why: string };

/**
 * Merges a file of records by their keys. Our order stays; what only they added comes after the record that it follows with them, behind what we
 * added there.
 */
export async function mergeRecords(format: RecordFormat, input: DriverInput): Promise<DriverResult> {
  const merge = new RecordMerge(format, input);
  const merged = merge.withoutClashes(await merge.records());
  const conflicts = merged.flatMap((record) => ("why" in record ? [record.why] : []));
  const last = merged.length - 1;
  const stretches = merged.map((record, index): MergedStretch => {
    const ended = (text: ByteString): ByteString => (index < last ? endedWith(text, format.end) : text);
    if ("text" in record) return { kind: "agreed", lines: [ended(record.text)] };
    return { kind: "conflict", ours: record.ours.map(ended), theirs: record.theirs.map(ended) };
  });
  return { content: withMarkers(stretches, input.labels), conflicts };
}

function endedWith(text: ByteString, end: string): ByteString {
  let ended: string = text;
  for (let missing = 1; !ended.endsWith(end) && missing <= end.length; missing++) ended += "\n";
  return ended as ByteString;
}

class RecordMerge {
  readonly #format: RecordFormat;
  readonly #favor: Favor | undefined;
  readonly #base: ReadonlyMap<string, ByteString>;
  readonly #ours: ReadonlyMap<string, ByteString>;
  readonly #theirs: ReadonlyMap<string, ByteString>;

  constructor(format: RecordFormat, { base, ours, theirs, favor }: DriverInput) {
    const read = (content: ByteString | undefined): Map<string, ByteString> =>
      new Map(content === undefined ? [] : format.split(content).map(({ key, text }) => [key, text]));
    this.#format = format;
    this.#favor = favor;
    this.#base = read(base);
    this.#ours = read(ours);
    this.#theirs = read(theirs);
  }

  async records(): Promise<MergedRecord[]> {
    const added = this.#addedByThem();
    const merged: MergedRecord[] = [...(added.get("") ?? [])];
    let waiting: readonly MergedRecord[] = [];
    for (const [key, ours] of this.#ours) {
      if (isTurnDue()) await yieldToSignals();
      // What we added after a record stays next to it.
      if (this.#theirs.has(key) || this.#base.has(key)) {
        merged.push(...waiting);
        waiting = [];
      }
      merged.push(...this.#ourRecord(key, ours));
      const after = added.get(key);
      if (after !== undefined) waiting = [...waiting, ...after];
    }
    merged.push(...waiting);
    return merged;
  }

  #ourRecord(key: string, ours: ByteString): readonly MergedRecord[] {
    const [base, theirs] = [this.#base.get(key), this.#theirs.get(key)];
    if (theirs === undefined) {
      if (base === undefined) return [{ key, text: ours }];
      if (this.#isSame(base, ours) || this.#favor === "theirs") return [];
      if (this.#favor === "ours") return [{ key, text: ours }];
      return [{ key, ours: [ours], theirs: [], why: `${this.#format.describe(key)}: changed by ours, deleted by theirs` }];
    }
    if (this.#isSame(ours, theirs)) return [{ key, text: ours }];
    if (base !== undefined && this.#isSame(base, ours)) return [{ key, text: theirs }];
    if (base !== undefined && this.#isSame(base, theirs)) return [{ key, text: ours }];
    const merged = this.#format.merge(key, { base, ours, theirs }, this.#favor);
    if (typeof merged === "string") return [{ key, text: merged }];
    return [{ key, ours: [ours], theirs: [theirs], why: merged.conflict }];
  }

  /** The last record of a file may lack its end. */
  #isSame(one: ByteString, two: ByteString): boolean {
    return one === two || endedWith(one, this.#format.end) === endedWith(two, this.#format.end);
  }

  /** What ours lacks, by the key after which it comes; `""`: before all. */
  #addedByThem(): Map<string, MergedRecord[]> {
    const added = new Map<string, MergedRecord[]>();
    let after = "";
    for (const [key, theirs] of this.#theirs) {
      if (this.#ours.has(key)) {
        after = key;
        continue;
      }
      const record = this.#theirRecord(key, theirs);
      if (record === undefined) continue;
      const known = added.get(after);
      if (known === undefined) added.set(after, [record]);
      else known.push(record);
    }
    return added;
  }

  #theirRecord(key: string, theirs: ByteString): MergedRecord | undefined {
    const base = this.#base.get(key);
    if (base === undefined) return { key, text: theirs };
    if (this.#isSame(base, theirs) || this.#favor === "ours") return undefined;
    if (this.#favor === "theirs") return { key, text: theirs };
    return { key, ours: [], theirs: [theirs], why: `${this.#format.describe(key)}: deleted by ours, changed by theirs` };
  }

  /** Two records, one of each side, that came to have a value that only one may have: such as a uid. */
  withoutClashes(records: readonly MergedRecord[]): readonly MergedRecord[] {
    if (this.#format.uniqueValues === undefined) return records;
    const [ours, theirs] = [this.#newValues(this.#ours), this.#newValues(this.#theirs)];
    const clashes = new Map<string, { readonly theirs: string; readonly value: string }>();
    const moved = new Set<string>();
    for (const [value, key] of ours) {
      const other = theirs.get(value);
      if (other === undefined || other === key || clashes.has(key) || moved.has(other)) continue;
      clashes.set(key, { theirs: other, value });
      moved.add(other);
    }
    if (clashes.size === 0) return records;
    return records.flatMap((record) => {
      if (moved.has(record.key)) return [];
      const clash = clashes.get(record.key);
      if (clash === undefined) return [record];
      const { describe } = this.#format;
      const why = `${clash.value} is both ${describe(record.key)} (ours) and ${describe(clash.theirs)} (theirs)`;
      const both = [this.#ours.get(record.key)!];
      return [{ key: record.key, ours: both, theirs: [this.#theirs.get(clash.theirs)!], why }];
    });
  }

  /** By value, the record that got it on that side. */
  #newValues(side: ReadonlyMap<string, ByteString>): Map<string, string> {
    const { uniqueValues } = this.#format;
    const found = new Map<string, string>();
    for (const [key, text] of side) {
      const former = this.#base.get(key);
      if (former === text) continue;
      const before = former === undefined ? [] : (uniqueValues?.(former) ?? []);
      for (const value of uniqueValues?.(text) ?? []) if (!before.includes(value)) found.set(value, key);
    }
    return found;
  }
}
