import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { TreeId } from "../../core/model/ids.js";
import type { Tree } from "../../core/model/tree.js";
import type { Worktree } from "../../core/ports/worktree.js";
import { loadFingerprints, type Fingerprints } from "../../store/change-fingerprint.js";
import { openDirectoryTree } from "../../store/directory/directory-tree.js";
import { openWorktree } from "../../store/worktree/open-worktree.js";
import type { FuzzTarget, Outcome } from "./fuzz-target.js";
import { mutateBytes, writeEdge } from "./mutate-bytes.js";
import type { Random } from "./random.js";
import { walkEverything } from "./walk-everything.js";

const ID = "5".repeat(64) as TreeId;
const HEADER_BYTES = 64;
const TRAILER_BYTES = 8;
const ROW_BYTES = 88;
const NAMES = [".", "..", "a/b", "", "../../etc", "b"];
const FILL =
  "mkdir -p a/b/c d; echo 1 > a/f; ln a/f a/g; ln -s f a/l; echo 2 > a/b/c/x; mkfifo d/p; truncate -s 9000 d/s; echo 3 > z";

/** A tracked directory whose stat index was changed; its checksum is put right mostly. */
export async function openIndexTarget(scratch: string): Promise<FuzzTarget<Buffer>> {
  const root = mkdtempSync(path.join(scratch, "varve-fuzz-index-"));
  const directory = path.join(root, "tracked");
  mkdirSync(directory);
  execFileSync("sh", ["-euc", FILL], { cwd: directory });
  const worktree = await openWorktree(directory, { worktree: path.join(root, "index"), scratch: path.join(root, "scratch") });
  const head = openDirectoryTree(directory);
  // What was changed just now is not trusted by an index.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const tree = await worktree.openTree(head, ID);
  walkEverything(tree, 10_000);
  worktree.remember(tree, ID);
  tree.close();
  return new IndexTarget({ root, worktree, head, fingerprints: await loadFingerprints() });
}

interface Tracked {
  readonly root: string;
  readonly worktree: Worktree;
  readonly head: Tree;
  readonly fingerprints: Fingerprints;
}

class IndexTarget implements FuzzTarget<Buffer> {
  readonly name = "index";
  readonly #tracked: Tracked;
  readonly #file: string;
  readonly #seed: Buffer;

  constructor(tracked: Tracked) {
    this.#tracked = tracked;
    this.#file = path.join(tracked.root, "index", "index");
    this.#seed = readFileSync(this.#file);
  }

  mutate(random: Random): Buffer {
    let bytes: Buffer = Buffer.from(this.#seed);
    for (let count = 1 + random.below(3); count > 0; count -= 1) bytes = mutation(bytes, random);
    if (!random.once(16)) this.#seal(bytes);
    return bytes;
  }

  async execute(bytes: Buffer): Promise<Outcome> {
    writeFileSync(this.#file, bytes);
    const tree = await this.#tracked.worktree.openTree(this.#tracked.head, ID);
    try {
      return walkEverything(tree, 10_000);
    } finally {
      tree.close();
    }
  }

  save(bytes: Buffer): { name: string; bytes: Buffer } {
    return { name: "", bytes };
  }

  load(_name: string, bytes: Buffer): Buffer {
    return bytes;
  }

  dispose(): void {
    this.#tracked.head.close();
    rmSync(this.#tracked.root, { recursive: true, force: true });
  }

  #seal(bytes: Buffer): void {
    if (bytes.length < HEADER_BYTES + TRAILER_BYTES) return;
    const end = bytes.length - TRAILER_BYTES;
    bytes.writeBigUInt64LE(this.#tracked.fingerprints.xxh64(bytes.subarray(0, end)), end);
  }
}

function mutation(bytes: Buffer, random: Random): Buffer {
  if (bytes.length < HEADER_BYTES + TRAILER_BYTES) return bytes;
  const rows = Math.min(bytes.readUInt32LE(24), 100);
  switch (random.below(8)) {
    case 0:
      return mutateBytes(bytes, random);
    case 1:
      writeEdge(bytes, 16 + 4 * random.below(4), 4, random);
      return bytes;
    case 2:
      return renamed(bytes, random);
    case 3:
    case 4:
      // Parent, first child, number of children, flags.
      writeEdge(bytes, HEADER_BYTES + random.below(rows) * ROW_BYTES + 4 * random.below(4), 4, random);
      return bytes;
    default:
      writeEdge(bytes, HEADER_BYTES + random.below(rows) * ROW_BYTES + 4 * random.below(22), 4, random);
      return bytes;
  }
}

/** One of the names, another in its place. */
function renamed(bytes: Buffer, random: Random): Buffer {
  const end = bytes.length - TRAILER_BYTES;
  const start = HEADER_BYTES + bytes.readUInt32LE(24) * (ROW_BYTES + 32);
  if (start >= end) return bytes;
  const names = bytes.toString("latin1", start, end).split("\0");
  names[random.below(names.length)] = random.pick(NAMES);
  const text = Buffer.from(names.join("\0"), "latin1");
  const changed = Buffer.concat([bytes.subarray(0, start), text, bytes.subarray(end)]);
  changed.writeUInt32LE(text.length, 28);
  return changed;
}
