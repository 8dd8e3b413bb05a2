import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { BUILT_COMMAND } from "../cli/built-command.js";
import { hermeticEnvironment } from "../helpers/hermetic-environment.js";

const WITNESS = path.resolve("test/lossless/witness.py");
/** Sparse: takes what is written. */
const IMAGE_BYTES = 24 * 2 ** 30;
const MOST_OUTPUT = 1 << 28;

/** By name of a directory: what python3 says of all below it. */
export type Witness = Readonly<Record<string, readonly string[]>>;

/** A filesystem that holds whatever Linux can: ext4 with inodes for large xattrs, on a loop device. Unmounted by `close`. */
export class LosslessFilesystem {
  readonly path: string;
  readonly #folder: string;

  constructor() {
    this.#folder = mkdtempSync(path.join(tmpdir(), "varve-lossless-"));
    this.path = path.join(this.#folder, "mounted");
    const image = path.join(this.#folder, "image");
    mkdirSync(this.path);
    execFileSync("truncate", ["-s", String(IMAGE_BYTES), image]);
    execFileSync("mkfs.ext4", ["-q", "-F", "-O", "ea_inode", "-I", "256", "-m", "0", image]);
    execFileSync("mount", ["-o", "loop", image, this.path]);
    mkdirSync(path.join(this.path, "home"));
  }

  /** A new directory. */
  directory(...names: string[]): string {
    const place = path.join(this.path, ...names);
    mkdirSync(place, { recursive: true });
    return place;
  }

  shell(script: string, cwd: string): void {
    execFileSync("bash", ["-euc", script], { cwd, stdio: ["ignore", "ignore", "pipe"] });
  }

  /** Calls the built command. @throws RangeError with what it said when it fails. */
  varve(words: readonly string[], cwd: string): string {
    const { status, stdout, stderr } = this.try(words, cwd);
    if (status === 0) return stdout;
    throw new RangeError(`varve ${words.join(" ").slice(0, 300)}: ${status}\n${stderr.slice(0, 3000)}`);
  }

  try(words: readonly string[], cwd: string): { status: number | null; stdout: string; stderr: string } {
    const env = hermeticEnvironment(path.join(this.path, "home"));
    return spawnSync(process.execPath, [BUILT_COMMAND, ...words], { cwd, env, encoding: "utf8", maxBuffer: MOST_OUTPUT });
  }

  close(): void {
    spawnSync("umount", ["--lazy", this.path]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** @param without `without-trusted`, `without-holes`: what a place does not show. */
export function witness(directory: string, ...without: readonly string[]): Witness {
  const output = execFileSync("python3", [WITNESS, directory, ...without], { maxBuffer: MOST_OUTPUT, encoding: "utf8" });
  return JSON.parse(output) as Witness;
}

export const WITNESS_PROGRAM: string = WITNESS;
