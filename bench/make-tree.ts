import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface TreeSize {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
}

const FILES_PER_DIRECTORY = 50;
const DIRECTORIES_PER_DIRECTORY = 12;
const SYMLINK_EVERY = 40;
const EXECUTABLE_EVERY = 25;
/** 2020-01-01, plus the file's number: each file has its own time. */
const FIRST_MTIME_SECONDS = 1_577_836_800;

/**
 * Shares of files by size in bytes, like those of /usr: many small, few large. The mean is about 4.6 kB, so that 100,000 files
 * make about 460 MB.
 */
const SIZE_CLASSES = [
  { share: 0.05, from: 0, to: 64 },
  { share: 0.36, from: 64, to: 1_024 },
  { share: 0.362, from: 1_024, to: 4_096 },
  { share: 0.17, from: 4_096, to: 12_288 },
  { share: 0.05, from: 12_288, to: 40_960 },
  { share: 0.008, from: 40_960, to: 160_000 },
] as const;

/**
 * Makes a tree of files that is the same on every machine: sizes, names, contents and times come from a fixed seed.
 *
 * @param root A directory that does not exist.
 * @param files How many regular files; symlinks come on top.
 */
export function makeTree(root: string, files: number): TreeSize {
  const random = seededRandom(20_260_101);
  const text = wordsBuffer(random);
  let bytes = 0;
  let directories = 0;
  for (let done = 0; done < files; directories += 1) {
    const folder = path.join(root, directoryName(directories));
    mkdirSync(folder, { recursive: true });
    for (const end = Math.min(files, done + FILES_PER_DIRECTORY); done < end; done += 1) {
      bytes += makeFile(path.join(folder, `file-${done}.txt`), done, sizeFor(random()), random, text);
    }
  }
  return { files, directories, bytes };
}

function makeFile(file: string, number: number, size: number, random: () => number, text: Buffer): number {
  const start = Math.floor(random() * (text.length - size));
  const content = Buffer.from(text.subarray(start, start + size));
  // No two files are alike, as in most trees: whoever keeps equal content once gains nothing here.
  content.write(`${number}\n`, 0, "latin1");
  writeFileSync(file, content, { mode: number % EXECUTABLE_EVERY === 0 ? 0o755 : 0o644 });
  utimesSync(file, FIRST_MTIME_SECONDS + number, FIRST_MTIME_SECONDS + number);
  if (number % SYMLINK_EVERY === 0) symlinkSync(path.basename(file), `${file}.link`);
  return size;
}

/** `d0/d7/d3`: the number's digits to the base of directories in one directory. */
function directoryName(number: number): string {
  const digits: string[] = [];
  for (let rest = number; rest > 0; rest = Math.floor(rest / DIRECTORIES_PER_DIRECTORY)) {
    digits.unshift(`d${rest % DIRECTORIES_PER_DIRECTORY}`);
  }
  return digits.join("/") || ".";
}

function sizeFor(share: number): number {
  let rest = share;
  for (const { share: width, from, to } of SIZE_CLASSES) {
    if (rest < width) return Math.floor(from + (rest / width) * (to - from));
    rest -= width;
  }
  return 1;
}

/** Text that compresses about as programs' sources do: git packs what it adds. */
function wordsBuffer(random: () => number): Buffer {
  const letters = "etaoinshrdlucmfwypvbgkjqxz";
  const letter = (): string => letters[Math.floor(random() ** 2 * letters.length)] ?? "e";
  const words = Array.from({ length: 4096 }, () => Array.from({ length: 2 + Math.floor(random() * 9) }, letter).join(""));
  const picked = Array.from({ length: 1_000_000 }, () => words[Math.floor(random() ** 2 * words.length)]);
  return Buffer.from(picked.join(" "), "latin1");
}

/** mulberry32, public domain: small, fast, the same everywhere. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
