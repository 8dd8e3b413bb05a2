import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { deflateSync, inflateSync } from "node:zlib";
import { readRegularFile } from "../../linux/regular-file.js";
import { VarveError } from "../../core/errors.js";
import { syncNearest, writeNewFile } from "../durable-file.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { errnoOf } from "../system-failure.js";
import { looseObject, type LooseObject } from "./loose-objects.js";

/** Objects of ours are small; a bigger one that inflates is not ours. */
const LARGEST_OBJECT_BYTES = 64 * 2 ** 20;
/** Packs, too, are read whole. */
const LARGEST_FILE_BYTES = 2 ** 31;
const LOOSE_OBJECT = /\/objects\/[0-9a-f]{2}\/[0-9a-f]{38}$/;
const MOST_TRIES = 20;

interface StagedObject {
  readonly scratch: string;
  readonly target: string;
}

/**
 * The files below `git/` as isomorphic-git sees them. What it writes waits in scratch/, on the disk, until `publish` puts it in
 * place: an object is absent, then whole and durable. Only object files may be written.
 */
export class ObjectFiles {
  readonly #layout: StoreLayout;
  readonly #staged = new Map<string, StagedObject>();
  /** Directories whose names must be durable before a ref may point here, though the object stood already. */
  readonly #touched = new Set<string>();

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** Writes an object as git has it, unless it stands there. */
  stage(id: string, { kind, body }: LooseObject): void {
    const target = looseObject(this.#layout.git, id);
    if (isWhole(target, id)) this.#touched.add(path.dirname(target));
    else this.#write(target, deflateSync(Buffer.concat([Buffer.from(`${kind} ${body.length}\0`), body])));
  }

  /** Moves all that was written into place, in the order of writing (an object comes after those that it names). */
  publish(): void {
    for (const { scratch, target } of this.#staged.values()) {
      const directory = path.dirname(target);
      if (moveBelow(scratch, target)) this.#touched.add(path.dirname(directory));
      this.#touched.add(directory);
    }
    for (const directory of this.#touched) syncNearest(directory);
    this.#forget();
  }

  /** Throws away what was not published. May be repeated. */
  discard(): void {
    for (const { scratch } of this.#staged.values()) rmSync(scratch, { force: true });
    this.#forget();
  }

  #forget(): void {
    this.#staged.clear();
    this.#touched.clear();
  }

  /** What isomorphic-git calls, see its docs/fs.md. Synchronous inside: the files are few and small, and a promise costs more. */
  get client(): { promises: Record<string, (...values: never[]) => Promise<unknown>> } {
    return {
      promises: {
        readFile: async (file: string, options?: string | { encoding?: string }) => this.#read(file, options),
        writeFile: async (file: string, bytes: Uint8Array) => this.#write(file, bytes),
        stat: async (file: string) => this.#stat(file),
        lstat: async (file: string) => this.#stat(file),
        readdir: async (directory: string) => readdirSync(directory),
        mkdir: async () => undefined,
        rmdir: refuse,
        unlink: refuse,
        readlink: refuse,
        symlink: refuse,
      },
    };
  }

  #read(file: string, options?: string | { encoding?: string }): Buffer | string {
    const bytes = readRegularFile(this.#staged.get(file)?.scratch ?? file, { largest: LARGEST_FILE_BYTES });
    if (LOOSE_OBJECT.test(file)) requireSmall(bytes, file);
    const encoding = typeof options === "string" ? options : options?.encoding;
    return encoding === undefined ? bytes : bytes.toString(encoding as BufferEncoding);
  }

  #write(file: string, bytes: Uint8Array): void {
    const scratch = scratchPath(this.#layout, "object");
    writeNewFile(scratch, bytes, 0o444);
    this.#staged.set(file, { scratch, target: file });
  }

  /** A loose object that is torn counts as absent, so that it is written anew: an older crash of another tool may have left it. */
  #stat(file: string): unknown {
    const staged = this.#staged.get(file);
    if (staged) return lstatSync(staged.scratch);
    const stat = lstatSync(file);
    const oid = /([0-9a-f]{2})\/([0-9a-f]{38})$/.exec(file);
    if (oid && !isWhole(file, `${oid[1] ?? ""}${oid[2] ?? ""}`)) throw Object.assign(new RangeError(file), { code: "ENOENT" });
    if (oid) this.#touched.add(path.dirname(file));
    return stat;
  }
}

/**
 * Renames a file into a directory that may have to be made. `git gc` may remove it again before the file stands in it.
 *
 * @returns Whether the directory was made.
 */
function moveBelow(from: string, to: string): boolean {
  for (let tries = 1; ; tries += 1) {
    const made = mkdirSync(path.dirname(to), { recursive: true }) !== undefined;
    try {
      renameSync(from, to);
      return made;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT" || tries === MOST_TRIES) throw error;
    }
  }
}

async function refuse(): Promise<never> {
  throw new TypeError("isomorphic-git may write objects only");
}

/** isomorphic-git inflates without a bound. @throws VarveError STORE_DAMAGED. */
function requireSmall(deflated: Buffer, file: string): void {
  try {
    inflateSync(deflated, { maxOutputLength: LARGEST_OBJECT_BYTES });
  } catch (error) {
    throw new VarveError("STORE_DAMAGED", "Cannot read a git object: it is damaged, or larger than any of ours", {
      path: file,
      hint: "Run `git fsck` in the store's git directory, and restore the object from a backup.",
      cause: error,
    });
  }
}

/** Whether a loose object file holds the bytes that its name promises. */
function isWhole(file: string, oid: string): boolean {
  try {
    const bytes = inflateSync(readRegularFile(file, { largest: LARGEST_OBJECT_BYTES }), {
      maxOutputLength: LARGEST_OBJECT_BYTES,
    });
    return createHash("sha1").update(bytes).digest("hex") === oid;
  } catch {
    return false;
  }
}
