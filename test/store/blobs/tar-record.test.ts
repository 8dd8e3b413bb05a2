import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { TarRecorder } from "../../../store/blobs/tar-record.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { archive, directory, file } from "../tar/raw-tar.js";
import { putTogetherAgain, recordedTar, type RecordedTar } from "./recorded-tar.js";

const BYTES = archive(
  directory("d"),
  file("d/a", `${"x".repeat(650)}${"y".repeat(650)}`),
  file("b", "y"),
  file("c", "z".repeat(20_000)),
);
const MAGIC_BYTES = "varve tar record 1\n".length;
const FRAME_AT = MAGIC_BYTES + 8;

/** Changes the only frame, which is packed again with the right lengths. */
function changeFrame(record: string, change: (frame: Buffer) => Buffer): void {
  const bytes = readFileSync(record);
  const frame = change(inflateRawSync(bytes.subarray(FRAME_AT)));
  const packed = deflateRawSync(frame);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(frame.length, 0);
  head.writeUInt32LE(packed.length, 4);
  writeFileSync(record, Buffer.concat([bytes.subarray(0, MAGIC_BYTES), head, packed]));
}

/** Where the token of the first content stands. */
function contentToken(frame: Buffer): number {
  return 1 + 4 + frame.readUInt32LE(1);
}

function flip(record: string, position: number): void {
  const bytes = readFileSync(record);
  bytes[position]! ^= 0x10;
  writeFileSync(record, bytes);
}

function at(record: string, position: number, value: number): void {
  const bytes = readFileSync(record);
  bytes.writeUInt32LE(value, position);
  writeFileSync(record, bytes);
}

const inFrame = (change: (frame: Buffer) => void) => (record: string) =>
  changeFrame(record, (frame) => {
    change(frame);
    return frame;
  });

const damages: readonly (readonly [what: string, damage: (record: string) => void])[] = [
  ["is empty", (record) => writeFileSync(record, "")],
  ["is cut in its first line", (record) => truncateSync(record, 5)],
  ["is cut after its first line", (record) => truncateSync(record, MAGIC_BYTES)],
  ["is cut in a frame's head", (record) => truncateSync(record, MAGIC_BYTES + 3)],
  ["is cut after a frame's head", (record) => truncateSync(record, FRAME_AT)],
  ["is cut in a frame", (record) => truncateSync(record, FRAME_AT + 20)],
  ["lacks its last byte", (record) => truncateSync(record, readFileSync(record).length - 1)],
  ["is of another format", (record) => flip(record, 17)],
  ["says a frame is longer", (record) => at(record, MAGIC_BYTES, 1_000_000)],
  ["says a frame is shorter", (record) => at(record, MAGIC_BYTES, 1)],
  ["says a frame has no bytes", (record) => at(record, MAGIC_BYTES, 0)],
  ["says a frame is larger than any", (record) => at(record, MAGIC_BYTES, 0xffff_ffff)],
  ["says a packed frame is longer", (record) => at(record, MAGIC_BYTES + 4, 0x03ff_ffff)],
  ["says a packed frame is larger than any", (record) => at(record, MAGIC_BYTES + 4, 0xffff_ffff)],
  ["says a packed frame has no bytes", (record) => at(record, MAGIC_BYTES + 4, 0)],
  ["has a frame twice", (record) => writeFileSync(record, readFileSync(record).subarray(MAGIC_BYTES), { flag: "a" })],
  ["has garbage behind it", (record) => writeFileSync(record, Buffer.alloc(100, 1), { flag: "a" })],
  ["has zeros behind it", (record) => writeFileSync(record, Buffer.alloc(8), { flag: "a" })],
  ["has a part of an unknown kind", inFrame((frame) => (frame[0] = 9))],
  ["has bytes that go on behind the frame", inFrame((frame) => frame.writeUInt32LE(0xffff_ffff, 1))],
  ["has other bytes", inFrame((frame) => (frame[100]! ^= 1))],
  ["names a content that is not there", inFrame((frame) => (frame[contentToken(frame) + 1]! ^= 1))],
  ["says that a content is longer", inFrame((frame) => (frame[contentToken(frame) + 33]! += 1))],
  ["says that a content has 2^63 bytes", inFrame((frame) => (frame[contentToken(frame) + 40]! = 0x80))],
  ["takes a whole content for pieces", inFrame((frame) => (frame[contentToken(frame)] = 3))],
  ["ends in a content", (record) => changeFrame(record, (frame) => frame.subarray(0, contentToken(frame) + 20))],
  ["lacks its last part", (record) => changeFrame(record, (frame) => frame.subarray(0, contentToken(frame) + 41))],
  ["has pieces outside of a content", (record) => changeFrame(record, (frame) => withPieces(frame, [[1000n, 301n]]))],
  [
    "has pieces in another order",
    (record) =>
      changeFrame(record, (frame) =>
        withPieces(frame, [
          [650n, 650n],
          [0n, 650n],
        ]),
      ),
  ],
  ["has a piece whose end is no number", (record) => changeFrame(record, (frame) => withPieces(frame, [[1n, 2n ** 53n - 1n]]))],
  ["has 2^32 - 1 pieces", (record) => changeFrame(record, (frame) => withCount(withPieces(frame, [[0n, 1300n]]), 0xffff_ffff))],
  ["is missing", (record) => rmSync(record)],
  [
    "is a symlink",
    (record) => {
      const elsewhere = `${record}-elsewhere`;
      writeFileSync(elsewhere, readFileSync(record));
      rmSync(record);
      symlinkSync(elsewhere, record);
    },
  ],
  [
    "is a FIFO",
    (record) => {
      rmSync(record);
      execFileSync("mkfifo", [record]);
    },
  ],
  [
    "is a directory",
    (record) => {
      rmSync(record);
      mkdirSync(record);
    },
  ],
];

function withPieces(frame: Buffer, pieces: readonly (readonly [offset: bigint, length: bigint])[]): Buffer {
  const token = contentToken(frame);
  const rest = Buffer.alloc(4 + 16 * pieces.length);
  rest.writeUInt32LE(pieces.length, 0);
  for (const [index, [offset, length]] of pieces.entries()) {
    rest.writeBigUInt64LE(offset, 4 + 16 * index);
    rest.writeBigUInt64LE(length, 12 + 16 * index);
  }
  frame[token] = 3;
  return Buffer.concat([frame.subarray(0, token + 41), rest, frame.subarray(token + 41)]);
}

function withCount(frame: Buffer, count: number): Buffer {
  frame.writeUInt32LE(count, contentToken(frame) + 41);
  return frame;
}

const record = async (directoryOf: string): Promise<RecordedTar> => recordedTar(directoryOf, BYTES);

test("a record that is not damaged gives the tar, its contents in one piece or in two", async (t) => {
  const kept = await record(temporaryDirectory(t));
  t.true((await putTogetherAgain(kept)).equals(BYTES));
  changeFrame(kept.file, (frame) =>
    withPieces(frame, [
      [0n, 650n],
      [650n, 650n],
    ]),
  );
  t.true((await putTogetherAgain(kept)).equals(BYTES));
});

for (const [what, damage] of damages) {
  test(`a record that ${what} is damaged`, async (t) => {
    const kept = await record(temporaryDirectory(t));
    damage(kept.file);
    const error = await t.throwsAsync(
      putTogetherAgain(kept).then(({ length }) => length),
      { instanceOf: VarveError, code: "STORE_DAMAGED" },
    );
    t.is(error.path, kept.file);
    t.truthy(error.hint);
  });
}

test("a record with any byte changed is damaged, or gives the same tar", async (t) => {
  const kept = await record(temporaryDirectory(t));
  const whole = readFileSync(kept.file);
  for (let position = 0; position < whole.length; position += 1) {
    writeFileSync(kept.file, whole);
    flip(kept.file, position);
    const outcome = await putTogetherAgain(kept).catch((error: unknown) => error);
    if (Buffer.isBuffer(outcome)) t.true(outcome.equals(BYTES));
    else t.is((outcome as VarveError).code, "STORE_DAMAGED", `byte ${position}: ${String(outcome)}`);
  }
});

testIf("mounts")("a record that a full disk does not take leaves nothing", (t) => {
  const disk = temporaryDirectory(t);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=4k", "none", disk]);
  t.teardown(() => execFileSync("umount", [disk]));
  writeFileSync(`${disk}/filler`, Buffer.alloc(4096));
  t.throws(() => new TarRecorder(`${disk}/record`), { code: "ENOSPC" });
  t.deepEqual(readdirSync(disk), ["filler"]);
});
