import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { decompressed } from "../../../store/tar/decompress.js";
import { testIf } from "../../helpers/requirements.js";
import { importBytes, inPieces, listing } from "./import-bytes.js";
import type { Ending } from "./decompress-alone.js";
import { archive, file } from "./raw-tar.js";

/** The same on every run. */
function noise(length: number): Buffer {
  const parts: Buffer[] = [];
  for (let n = 0; n * 32 < length; n += 1) parts.push(createHash("sha256").update(String(n)).digest());
  return Buffer.concat(parts, length);
}

const PLAIN = archive(file("f", "x"), file("noise", noise(300_000).toString("latin1")), file("zeros", "\0".repeat(500_000)));
const PADDED_TEXT = "trailing text, no zeros";
const FORMATS = [
  { format: "gzip", compress: (bytes: Buffer) => gzipSync(bytes), requirement: "sh" },
  { format: "zstd", compress: (bytes: Buffer) => run("zstd", ["-qc"], bytes), requirement: "zstd" },
  { format: "xz", compress: (bytes: Buffer) => run("xz", ["-c"], bytes), requirement: "xz" },
  { format: "bzip2", compress: (bytes: Buffer) => run("bzip2", ["-c"], bytes), requirement: "bzip2" },
] as const;

function run(command: string, options: readonly string[], input: Buffer): Buffer {
  const { stdout, status } = spawnSync(command, options, { input, maxBuffer: 2 ** 30 });
  if (status !== 0) throw new RangeError(`${command} failed`);
  return stdout;
}

async function all(bytes: Buffer, step?: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of decompressed(inPieces(bytes, step))) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

for (const { format, compress, requirement } of FORMATS) {
  const testFormat = testIf(requirement);
  const refuses = testFormat.macro({
    async exec(t, _: string, bytes: () => Buffer) {
      const error = await t.throwsAsync(all(bytes()), { instanceOf: VarveError });
      t.is(error.code, "SOURCE_INVALID");
      t.regex(error.message, new RegExp(`^Cannot read the tar: its ${format} data `));
    },
    title: (_, what: string) => `decompressed() refuses ${format} data ${what}`,
  });

  testFormat(`decompressed() gives the bytes that went into ${format}, in pieces of any length`, async (t) => {
    const compressed = compress(PLAIN);
    for (const step of [compressed.length, 65_536, 4097, 61]) t.true((await all(compressed, step)).equals(PLAIN), String(step));
  });
  testFormat(`importTar() takes a tar in ${format}`, async (t) => {
    t.deepEqual(listing(await importBytes(compress(archive(file("f", "x"))))), ['f: file 0644 "x"']);
  });
  testFormat(`decompressed() of ${format} data cut off at 200 points throws SOURCE_INVALID`, async (t) => {
    const compressed = compress(PLAIN.subarray(0, 20_000));
    for (let point = 0; point < 200; point += 1) {
      const length = 7 + Math.floor(((compressed.length - 8) * point) / 199);
      const error = await t.throwsAsync(all(compressed.subarray(0, length)), { instanceOf: VarveError }, String(length));
      t.is(error?.code, "SOURCE_INVALID");
    }
  });
  testFormat(refuses, "followed by text", () => Buffer.concat([compress(PLAIN), Buffer.from(PADDED_TEXT)]));
  testFormat(refuses, "with a damaged middle", () => {
    const bytes = Buffer.from(compress(PLAIN));
    bytes.fill(0xff, 20, 60);
    return bytes;
  });
}

test("decompressed() takes several gzip members as one stream", async (t) => {
  const members = [PLAIN.subarray(0, 1000), PLAIN.subarray(1000, 70_000), PLAIN.subarray(70_000)].map((part) => gzipSync(part));
  for (const step of [65_536, 100]) t.true((await all(Buffer.concat(members), step)).equals(PLAIN));
});

testIf("bzip2")(
  "decompressed() takes bzip2 streams one after another, as pbzip2 writes them, empty ones and zeros after them",
  async (t) => {
    const bzip2 = (bytes: Buffer, level = 9): Buffer => run("bzip2", [`-c${level}`], bytes);
    const parts = [bzip2(PLAIN.subarray(0, 1000), 1), bzip2(Buffer.alloc(0)), bzip2(PLAIN.subarray(1000))];
    for (const step of [65_536, 100]) t.true((await all(Buffer.concat(parts), step)).equals(PLAIN));
    for (const step of [65_536, 1000]) t.true((await all(Buffer.concat([...parts, Buffer.alloc(100_000)]), step)).equals(PLAIN));
    for (const after of [[Buffer.alloc(100_000), Buffer.from("x")], [Buffer.alloc(3), bzip2(PLAIN)], [Buffer.from("BZh9")]]) {
      await t.throwsAsync(all(Buffer.concat([bzip2(PLAIN), ...after]), 1000), { code: "SOURCE_INVALID" });
    }
  },
);

testIf("bzip2")("decompressed() of bzip2 data with one changed bit, anywhere, throws SOURCE_INVALID", async (t) => {
  const compressed = run("bzip2", ["-c"], PLAIN.subarray(0, 3000));
  // But for the block size of the first byte after "BZh", which a larger one may say.
  for (let at = 4; at < compressed.length; at += 1) {
    const bytes = Buffer.from(compressed);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
    const isPadding = at === compressed.length - 1;
    if (isPadding) continue;
    await t.throwsAsync(all(bytes), { code: "SOURCE_INVALID" }, String(at));
  }
});

test("decompressed() takes zeros after gzip data, and refuses what comes after them", async (t) => {
  const compressed = gzipSync(PLAIN);
  t.true((await all(Buffer.concat([compressed, Buffer.alloc(100_000)]))).equals(PLAIN));
  await t.throwsAsync(all(Buffer.concat([compressed, Buffer.alloc(100_000), Buffer.from("x")])), { code: "SOURCE_INVALID" });
  await t.throwsAsync(all(Buffer.concat([compressed, Buffer.alloc(3), compressed])), { code: "SOURCE_INVALID" });
});

test("decompressed() refuses gzip data with a wrong checksum or length", async (t) => {
  for (const fromEnd of [8, 4]) {
    const bytes = gzipSync(PLAIN);
    bytes[bytes.length - fromEnd] = (bytes[bytes.length - fromEnd] ?? 0) ^ 1;
    await t.throwsAsync(all(bytes), { code: "SOURCE_INVALID" });
  }
});

function endingOf(hostile: "name" | "bomb" | "zeros"): Ending {
  const program = fileURLToPath(new URL("decompress-alone.js", import.meta.url));
  return JSON.parse(run(process.execPath, [program, hostile], Buffer.alloc(0)).toString()) as Ending;
}

test("decompressed() reads a gzip header with a name of 1 GiB in bounded memory", (t) => {
  const { code, grown } = endingOf("name");
  t.is(code, "SOURCE_INVALID");
  t.true(grown < 100 * 2 ** 20, String(grown));
});

testIf("bzip2")("decompressed() reads a bomb of zeros in bzip2 data in bounded memory", (t) => {
  const { message, output, grown } = endingOf("zeros");
  t.regex(message, /its bzip2 data expands more than 200 times/);
  t.true(output > 200 * 2 ** 20, String(output));
  t.true(grown < 200 * 2 ** 20, String(grown));
});

test("decompressed() refuses a gzip bomb by its ratio, with bounded memory", (t) => {
  const { code, message, output, grown } = endingOf("bomb");
  t.is(code, "SOURCE_INVALID");
  t.regex(message, /expands more than 200 times/);
  t.true(output <= 256 * 2 ** 20);
  t.true(grown < 100 * 2 ** 20, String(grown));
});

testIf("zstd")("decompressed() takes zstd frames one after another, and passes over skippable ones", async (t) => {
  const skippable = Buffer.concat([Buffer.from([0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0]), Buffer.from("other")]);
  const frames = Buffer.concat([
    run("zstd", ["-qc"], PLAIN.subarray(0, 5000)),
    skippable,
    run("zstd", ["-qc", "--no-check"], PLAIN.subarray(5000)),
    skippable,
  ]);
  for (const step of [65_536, 11]) t.true((await all(frames, step)).equals(PLAIN));
  // As pzstd writes them.
  for (const step of [65_536, 3]) t.true((await all(Buffer.concat([skippable, frames]), step)).equals(PLAIN));
});

testIf("xz")("decompressed() takes xz data with a dictionary of 64 MiB", async (t) => {
  t.true((await all(run("xz", ["-c", "--lzma2=preset=6,dict=64MiB"], PLAIN))).equals(PLAIN));
});

const YOURSELF = "Decompress it yourself: xz -dc FILE | varve import - -b BRANCH";
for (const [what, options, says] of [
  [
    "a dictionary of 96 MiB",
    ["--lzma2=dict=96MiB"],
    /: its xz data needs a dictionary of 100663296 bytes, expected at most 67108864$/,
  ],
  ["a dictionary of 256 MiB", ["--lzma2=dict=256MiB"], /needs a dictionary of 268435456 bytes/],
  ["blocks of known sizes, and such a dictionary", ["-T2", "--lzma2=dict=256MiB"], /needs a dictionary of 268435456 bytes/],
  ["a filter for programs", ["--x86", "--lzma2"], /has other filters than LZMA2/],
  ["a check by SHA-256", ["--check=sha256"], /or other checks than CRC32 and CRC64$/],
] as const) {
  testIf("xz")(`decompressed() of xz data with ${what} tells it, and what to type`, async (t) => {
    const error = await t.throwsAsync(all(run("xz", ["-c", ...options], PLAIN.subarray(0, 20_000))), { instanceOf: VarveError });
    t.like(error, { code: "SOURCE_INVALID", hint: YOURSELF });
    t.regex(error.message, says);
  });
}

testIf("zstd")("decompressed() of a zstd bomb gives at most a block at once", async (t) => {
  const bomb = run("zstd", ["-q19c"], Buffer.alloc(256 * 2 ** 20));
  const limit = { freeBytes: 64 * 2 ** 20, maximumRatio: 200 };
  let output = 0;
  await t.throwsAsync(
    async () => {
      for await (const chunk of decompressed(inPieces(bomb), limit)) {
        t.true(chunk.length <= 256 * 1024);
        output += chunk.length;
      }
    },
    { message: /expands more than 200 times/ },
  );
  t.true(output <= limit.freeBytes);
});

const ZSTD_HEADERS: readonly (readonly [why: string, bytes: readonly number[], message: RegExp])[] = [
  ["a window of 2 GiB", [0x00, 21 << 3], /needs a window of 2147483648 bytes/],
  ["a single segment of 1 GiB", [0xa0, 0, 0, 0, 0x40], /needs a window of 1073741824 bytes/],
  ["a dictionary", [0x01, 0x50, 7], /needs a dictionary/],
  ["a block of type 3", [0x00, 0x50, 7, 0, 0], /block of an unknown kind/],
  ["a block of 1 MiB", [0x00, 0x50, 0x05, 0x00, 0x80], /block of an unknown kind/],
  ["a content size that is a lie", [0x20, 5, 0x13, 0, 0, 0x61, 0x62], /has 2 bytes in a frame that promises 5|is damaged/],
];
for (const [why, bytes, message] of ZSTD_HEADERS) {
  test(`decompressed() refuses zstd data with ${why} (D102)`, async (t) => {
    const data = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, ...bytes]);
    const error = await t.throwsAsync(all(data), { instanceOf: VarveError });
    t.regex(error.message, message);
  });
}

for (const [format, magic] of [
  ["lzip", "LZIP\x01"],
  ["zip", "PK\x03\x04..."],
  ["lz4", "\x04\x22\x4d\x18..."],
] as const) {
  test(`decompressed() names ${format} and what is taken instead`, async (t) => {
    const error = await t.throwsAsync(all(Buffer.from(magic, "latin1")), { instanceOf: VarveError });
    t.is(error.message, `Cannot read the tar: it is compressed with ${format}, expected gzip, zstd, xz or bzip2`);
  });
}

test("decompressed() closes its source when it is left early", async (t) => {
  for (const bytes of [PLAIN, gzipSync(PLAIN)]) {
    let isClosed = false;
    async function* source(): AsyncIterable<Uint8Array> {
      try {
        yield* inPieces(bytes, 1000);
      } finally {
        isClosed = true;
      }
    }
    for await (const chunk of decompressed(source())) {
      t.truthy(chunk);
      break;
    }
    await new Promise((resolve) => setImmediate(resolve));
    t.true(isClosed);
  }
});

test("decompressed() passes on what its source throws", async (t) => {
  for (const bytes of [PLAIN, gzipSync(PLAIN)]) {
    async function* broken(): AsyncIterable<Uint8Array> {
      yield bytes.subarray(0, 2000);
      await Promise.resolve();
      throw new VarveError("IO", "Cannot read the source: gone, wanted there");
    }
    await t.throwsAsync(
      async () => {
        for await (const chunk of decompressed(broken())) t.truthy(chunk);
      },
      { code: "IO" },
    );
  }
});
