import { appendFileSync } from "node:fs";
import path from "node:path";
import type { Commit, ImageConfig } from "../../core/model/commit.js";
import type { CommitId } from "../../core/model/ids.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { crc32 } from "../crc.js";

const HEX_CRC = 8;
const SHARD_DIGITS = 2;
const NEWLINE = 0x0a;
const LARGEST_SHARD_BYTES = 2 ** 28;
const CONFIG_SUFFIX = ".config";

/** A line of a shard. Configs stand apart, since most commits of a branch share one. */
interface CachedCommit extends Omit<Commit, "config"> {
  /** Git's id of config.json. */
  readonly config: string | undefined;
}

/** One file of the cache, read whole: where each key's last whole line stands. */
interface Shard {
  readonly bytes: Buffer;
  readonly lines: ReadonlyMap<string, readonly [start: number, end: number]>;
}

/**
 * Decoded commits on the disk, so that a long history is read without git. Derived from git objects, never the only copy, and
 * it may be deleted at any time; a line whose checksum is wrong is no line. See docs/on-disk-format.md, "Commit cache".
 */
export class CommitCache {
  readonly #directory: string;
  readonly #shards = new Map<string, Shard>();
  /** Put by this process, since its shards were read. */
  readonly #fresh = new Map<string, string>();
  readonly #configs = new Map<string, ImageConfig>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  get(id: CommitId): Commit | undefined {
    const cached = this.#value(id) as CachedCommit | undefined;
    if (cached === undefined) return undefined;
    const config = cached.config === undefined ? undefined : this.#config(cached.config);
    if (cached.config !== undefined && config === undefined) return undefined;
    return { ...cached, id, origin: cached.origin, config };
  }

  /** @param configId Git's id of the commit's config.json, when it has one. */
  put(commit: Commit, configId: string | undefined): void {
    if (commit.config !== undefined && configId !== undefined && this.#config(configId) === undefined) {
      this.#append(configKey(configId), JSON.stringify(commit.config));
    }
    this.#append(commit.id, JSON.stringify({ ...commit, config: configId }));
  }

  /** Ids of commits that begin with `prefix`, at least two hex digits. */
  find(prefix: string): CommitId[] {
    const shard = this.#shard(prefix.slice(0, SHARD_DIGITS));
    const keys = new Set([...shard.lines.keys(), ...this.#fresh.keys()]);
    const isCommit = (key: string): boolean => key.startsWith(prefix) && !key.endsWith(CONFIG_SUFFIX);
    return [...keys].filter((key) => isCommit(key) && this.get(key as CommitId) !== undefined) as CommitId[];
  }

  #config(id: string): ImageConfig | undefined {
    const known = this.#configs.get(id) ?? (this.#value(configKey(id)) as ImageConfig | undefined);
    if (known !== undefined) this.#configs.set(id, known);
    return known;
  }

  #value(key: string): unknown {
    const json = this.#fresh.get(key) ?? this.#line(key);
    return json === undefined ? undefined : (JSON.parse(json) as unknown);
  }

  #line(key: string): string | undefined {
    const { bytes, lines } = this.#shard(key.slice(0, SHARD_DIGITS));
    const [start, end] = lines.get(key) ?? [0, 0];
    const content = bytes.subarray(start + HEX_CRC + 1, end);
    if (content.length === 0 || bytes.toString("latin1", start, start + HEX_CRC) !== checksum(content)) return undefined;
    return content.toString("utf8", key.length + 1);
  }

  #shard(name: string): Shard {
    let shard = this.#shards.get(name);
    if (shard === undefined) this.#shards.set(name, (shard = readShard(path.join(this.#directory, name))));
    return shard;
  }

  /** One write, so that lines of two processes do not mix. That it fails (a store that may not be written) is no failure. */
  #append(key: string, json: string): void {
    this.#fresh.set(key, json);
    const content = Buffer.from(`${key} ${json}`);
    const line = Buffer.concat([Buffer.from(`${checksum(content)} `), content, Buffer.from("\n")]);
    try {
      appendFileSync(path.join(this.#directory, key.slice(0, SHARD_DIGITS)), line, { mode: 0o644 });
    } catch {
      // The next reader decodes the commit again.
    }
  }
}

/** A line: checksum, space, key, space, JSON. */
function readShard(file: string): Shard {
  const bytes = readOrNothing(file);
  const lines = new Map<string, readonly [number, number]>();
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    const key = bytes.indexOf(0x20, start + HEX_CRC + 1);
    if (key !== -1 && key < end) lines.set(bytes.toString("latin1", start + HEX_CRC + 1, key), [start, end]);
    start = end + 1;
  }
  return { bytes, lines };
}

function configKey(id: string): string {
  return id + CONFIG_SUFFIX;
}

function readOrNothing(file: string): Buffer {
  try {
    return readRegularFile(file, { largest: LARGEST_SHARD_BYTES });
  } catch {
    return Buffer.alloc(0);
  }
}

function checksum(content: Uint8Array): string {
  return crc32(content).toString(16).padStart(HEX_CRC, "0");
}
