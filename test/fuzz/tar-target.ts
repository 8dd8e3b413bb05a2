import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { ContentDigest } from "../../core/model/ids.js";
import type { ContentSink, LayerWriter } from "../../core/ports/layer-store.js";
import { importTar } from "../../store/tar/import-tar.js";
import type { FuzzTarget, Outcome } from "./fuzz-target.js";
import { mutateBytes } from "./mutate-bytes.js";
import type { Random } from "./random.js";
import { walkEverything } from "./walk-everything.js";

const SEEDS = path.resolve("fixtures/fuzz/seeds/tar");
const BLOCK = 512;
/** Of a header: name, mode, uid, gid, size, mtime, type, target, magic, major, minor, prefix (star's and GNU's fields lie in it). */
const FIELDS = [
  [0, 100],
  [100, 8],
  [108, 8],
  [116, 8],
  [124, 12],
  [124, 12],
  [136, 12],
  [156, 1],
  [156, 1],
  [157, 100],
  [257, 8],
  [329, 8],
  [337, 8],
  [345, 155],
  [386, 96],
  [482, 13],
] as const;
const NUMBERS = [
  "",
  "0",
  "7777777",
  "77777777777",
  "-1",
  "1 2",
  "8",
  "\x80\0\0\0\0\0\0\0\0\0\0\x01",
  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
  "\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
];
const TEXTS = ["", ".", "..", "/", "../x", "a/../../x", "a//b", "./.", "d", "d/f", "f", "\0", "x".repeat(300)];
const TYPES = "01234567\0xgLKSDVNMAX";
const PAX = [
  "path=",
  "linkpath=",
  "size=",
  "mtime=",
  "uid=",
  "SCHILY.xattr.user.x=",
  "GNU.sparse.map=",
  "GNU.sparse.size=",
  "GNU.sparse.realsize=",
  "GNU.sparse.major=1\n",
  "GNU.sparse.numblocks=",
];

/** Archives of GNU tar and of varve with changed headers; their checksums are put right mostly. */
export class TarTarget implements FuzzTarget<Buffer> {
  readonly name = "tar";
  readonly #seeds: readonly Buffer[] = readdirSync(SEEDS)
    .sort()
    .map((file) => readFileSync(path.join(SEEDS, file)));

  mutate(random: Random): Buffer {
    let bytes: Buffer = Buffer.from(random.pick(this.#seeds));
    for (let count = 1 + random.below(3); count > 0; count -= 1) {
      const headers = headersOf(bytes);
      if (headers.length === 0 || random.once(4)) bytes = mutateBytes(bytes, random);
      else changeEntry(bytes, random.pick(headers), random);
    }
    if (!random.once(8)) for (const at of headersOf(bytes)) writeChecksum(bytes, at);
    return bytes;
  }

  async execute(bytes: Buffer): Promise<Outcome> {
    const { tree } = await importTar(pieces(bytes), hashingWriter());
    return walkEverything(tree, bytes.length * 64, { contents: false });
  }

  save(bytes: Buffer): { name: string; bytes: Buffer } {
    return { name: "", bytes };
  }

  load(_name: string, bytes: Buffer): Buffer {
    return bytes;
  }

  dispose(): void {
    // Nothing is kept.
  }
}

function headersOf(bytes: Buffer): number[] {
  const headers: number[] = [];
  for (let at = 0; at + BLOCK <= bytes.length; at += BLOCK) {
    if (bytes.toString("latin1", at + 257, at + 262) === "ustar") headers.push(at);
  }
  return headers;
}

function changeEntry(bytes: Buffer, at: number, random: Random): void {
  const type = String.fromCharCode(bytes[at + 156] ?? 0);
  const isPax = type === "x" || type === "g";
  if (isPax && !random.once(4) && at + 2 * BLOCK <= bytes.length) return changePax(bytes, at + BLOCK, random);
  const [offset, length] = random.pick(FIELDS);
  if (offset === 156) {
    bytes[at + 156] = TYPES.charCodeAt(random.below(TYPES.length));
    return;
  }
  const text = random.pick(length > 13 ? TEXTS : NUMBERS).slice(0, length);
  if (random.once(3)) bytes[at + offset + random.below(length)] = random.below(256);
  else bytes.fill(0, at + offset, at + offset + length).write(text, at + offset, "latin1");
}

/** Records `LENGTH KEYWORD=VALUE\n`: a byte of them, or one in the place of all. */
function changePax(bytes: Buffer, at: number, random: Random): void {
  if (random.once(2)) {
    bytes[at + random.below(BLOCK)] = random.pick([0, 10, 32, 45, 46, 47, 48, 57, 61, 255]);
    return;
  }
  const record = ` ${random.pick(PAX)}${random.pick([...NUMBERS, ...TEXTS])}\n`;
  const length = `${record.length + 2}`.length + record.length;
  const whole = `${random.once(8) ? random.next() : length}${record}`;
  bytes.fill(0, at, at + BLOCK).write(whole.slice(0, BLOCK), at, "latin1");
  const size = Math.min(whole.length, BLOCK).toString(8).padStart(11, "0");
  bytes.write(`${size}\0`, at - BLOCK + 124, "latin1");
}

function writeChecksum(bytes: Buffer, at: number): void {
  bytes.fill(0x20, at + 148, at + 156);
  let sum = 0;
  for (let index = at; index < at + BLOCK; index += 1) sum += bytes[index] ?? 0;
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1");
}

async function* pieces(bytes: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 4000) yield bytes.subarray(at, at + 4000);
}

/** Of a layer writer what an import uses; it keeps no content, and holes cost nothing. */
function hashingWriter(): LayerWriter {
  const sink = (): ContentSink => {
    const hash = createHash("sha256");
    let size = 0;
    return {
      write: (bytes) => {
        hash.update(bytes);
        size += bytes.length;
      },
      hole: (length) => void (size += length),
      close: () => ({ digest: hash.digest("hex") as ContentDigest, size, layers: [] }),
    };
  };
  return { sink } as Partial<LayerWriter> as LayerWriter;
}
