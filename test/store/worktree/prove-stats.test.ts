import { once } from "node:events";
import { chmodSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import type { TreeId } from "../../../core/model/ids.js";
import { loadFingerprints } from "../../../store/change-fingerprint.js";
import { openDirectoryRoot, scanLiveDirectory } from "../../../store/directory/live-directory.js";
import { newPass, proveStats, startProving } from "../../../store/worktree/prove-stats.js";
import { readStatIndex, writeStatIndex, type StatIndex } from "../../../store/worktree/stat-index-file.js";
import { TICK_MILLISECONDS } from "../../../store/worktree/verify-stats.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

const DIRECTORIES = 10;
/** More than a piece has, so that pieces of one directory are shared too. */
const FILES = 70;

/** One thread, or two that share. */
const THREADS: Readonly<Record<string, number>> = { "one thread": Infinity, "two threads": 0 };

interface Change {
  readonly what: string;
  readonly make: (root: string) => void;
  /** Paths that are no longer as the index has them, in the order of the walk. */
  readonly changed: readonly string[];
}

const all = (directory: string): string[] => Array.from({ length: FILES }, (_, file) => `${directory}/f${100 + file}`);

const CHANGES: readonly Change[] = [
  { what: "nothing", make: () => undefined, changed: [] },
  { what: "a mode", make: (root) => chmodSync(path.join(root, "d10/f169"), 0o600), changed: ["d10/f169"] },
  {
    what: "content of the same size with its mtime set back",
    make: (root) => {
      const file = path.join(root, "d11/f100");
      const { atime, mtime } = statSync(file);
      writeFileSync(file, "X");
      utimesSync(file, atime, mtime);
    },
    changed: ["d11/f100"],
  },
  { what: "a new file in the root", make: (root) => writeFileSync(path.join(root, "new"), ""), changed: [""] },
  { what: "a file that is gone", make: (root) => rmSync(path.join(root, "d13/f150")), changed: ["d13", "d13/f150"] },
  {
    what: "a directory replaced by a link to where it is now",
    make: (root) => {
      renameSync(path.join(root, "d12"), path.join(root, "elsewhere"));
      symlinkSync("elsewhere", path.join(root, "d12"));
    },
    changed: ["", "d12", ...all("d12")],
  },
];

for (const [threads, manyRows] of Object.entries(THREADS)) {
  for (const { what, make, changed } of CHANGES) {
    test(`proveStats() with ${threads} finds ${what}, and all else unchanged`, async (t) => {
      const { root, index } = await indexedDirectory(t);
      make(root);
      t.deepEqual(await changedPaths(t, root, index, manyRows), changed);
    });
  }

  test(`proveStats() with ${threads} proves no more where nearly all has changed`, async (t) => {
    const { root, index } = await indexedDirectory(t);
    for (let directory = 10; directory < 10 + DIRECTORIES; directory++)
      rmSync(path.join(root, `d${directory}`), { recursive: true });
    const changed = await changedPaths(t, root, index, manyRows);
    t.is(changed.length, 1 + DIRECTORIES * (FILES + 1));
  });
}

test("a second thread can do all of it", async (t) => {
  const { root, index } = await indexedDirectory(t);
  chmodSync(path.join(root, "d11/f111"), 0o600);
  const opener = openDirectoryRoot(root);
  t.teardown(() => opener.close());
  const pass = newPass(opener, index);
  await once(startProving(pass), "exit");
  t.deepEqual([...pass.done], Array(pass.pieces.length).fill(1));
  const rows = [...pass.same.keys()].filter((row) => pass.same[row] === 0);
  // The root itself is looked at by the first thread.
  t.deepEqual(
    rows.map((row) => index.table.path(row)),
    ["", "d11/f111"],
  );
});

async function indexedDirectory(t: ExecutionContext): Promise<{ root: string; index: StatIndex }> {
  const root = path.join(temporaryDirectory(t), "tree");
  for (let directory = 10; directory < 10 + DIRECTORIES; directory++) {
    mkdirSync(path.join(root, `d${directory}`), { recursive: true });
    for (const file of all(`d${directory}`)) writeFileSync(path.join(root, file), "x");
  }
  // So that a change is stamped with a later tick of the kernel's clock.
  await setTimeout(TICK_MILLISECONDS);
  const live = scanLiveDirectory(openDirectoryRoot(root), {});
  live.close();
  const file = path.join(path.dirname(root), "index");
  const fingerprints = await loadFingerprints();
  writeStatIndex(file, { tree: "0".repeat(64) as TreeId, table: live.table }, fingerprints);
  const index = readStatIndex(file, fingerprints);
  if (index === undefined) throw new Error("an index that was just written is none");
  return { root, index };
}

async function changedPaths(t: ExecutionContext, root: string, index: StatIndex, manyRows: number): Promise<string[]> {
  const opener = openDirectoryRoot(root);
  t.teardown(() => opener.close());
  const proved = await proveStats(opener, index, manyRows);
  const rows = Array.from({ length: index.table.length }, (_, row) => row).filter((row) => !proved.isSame(row));
  t.is(proved.isComplete, rows.length === 0);
  return rows.map((row) => index.table.path(row)).sort();
}
