import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { joinPath, textOf, type ByteString } from "../../../core/model/byte-string.js";
import type { DirectoryNode, FileNode, TreeNode } from "../../../core/model/tree.js";
import { treeOfLiveDirectory } from "../../../store/directory/directory-tree.js";
import { openLiveDirectory, type LiveDirectory } from "../../../store/directory/live-directory.js";
import { openDirectories } from "../../../store/directory/plain-directories.js";
import { startReadingThread } from "../../../store/directory/read-ahead.js";
import { SLOTS } from "../../../store/directory/read-ahead-ring.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

/** 20 directories of files, of all lengths round a block and a slot. */
function fill(t: ExecutionContext, files: number): string {
  const directory = temporaryDirectory(t);
  for (let n = 0; n < files; n += 1) {
    const folder = `${directory}/d${n % 20}`;
    if (n < 20) mkdirSync(folder);
    const lengths = [0, 1, 4095, 4096, 4097, 65_536, 65_537];
    writeFileSync(`${folder}/f${n}`, Buffer.alloc(n < 70 ? (lengths[n % 7] ?? 0) : n % 300, `${n} `));
  }
  return directory;
}

function* filesOf(node: TreeNode, path = "" as ByteString): Generator<[ByteString, FileNode]> {
  if ("content" in node) yield [path, node];
  if (node.entry.type !== "directory") return;
  for (const [name, child] of (node as DirectoryNode).children()) yield* filesOf(child, joinPath(path, name));
}

async function readAheadOf(t: ExecutionContext, directory: string): Promise<LiveDirectory> {
  const live = openLiveDirectory(directory);
  t.teardown(() => live.close());
  live.readAheadIn(startReadingThread());
  while ((live.ahead?.ready ?? 0) < SLOTS) await sleep(5);
  return live;
}

test("readAhead() gives what stands in the file, with its digest", async (t) => {
  const directory = fill(t, 600);
  const live = await readAheadOf(t, directory);
  let given = 0;
  for (const [path, { content }] of filesOf(treeOfLiveDirectory(live).root)) {
    const ahead = content.readAhead?.();
    if (ahead === undefined) continue;
    given += 1;
    const bytes = readFileSync(`${directory}/${textOf(path)}`);
    t.true(bytes.equals(ahead.bytes));
    t.is(Buffer.from(ahead.digest).toString("hex"), createHash("sha256").update(bytes).digest("hex"));
  }
  t.true(given >= SLOTS - 24, `${given} files were ready`);
});

test("readAhead() of a file that changed since the scan gives nothing", async (t) => {
  const directory = fill(t, 400);
  const live = openLiveDirectory(directory);
  t.teardown(() => live.close());
  appendFileSync(`${directory}/d0/f100`, "more");
  writeFileSync(`${directory}/d0/f120`, "other");
  live.readAheadIn(startReadingThread());
  while ((live.ahead?.ready ?? 0) < SLOTS) await sleep(5);
  for (const [path, { content }] of filesOf(treeOfLiveDirectory(live).root)) {
    const ahead = content.readAhead?.();
    if (path === "d0/f100" || path === "d0/f120") t.is(ahead, undefined);
  }
});

test("readAhead() asked out of order, twice or with gaps gives nothing wrong", async (t) => {
  const directory = fill(t, 500);
  const live = await readAheadOf(t, directory);
  const files = [...filesOf(treeOfLiveDirectory(live).root)];
  for (const [index, [path, { content }]] of [...files.filter((_, n) => n % 3 > 0), ...files].entries()) {
    const ahead = content.readAhead?.();
    if (ahead !== undefined) t.true(readFileSync(`${directory}/${textOf(path)}`).equals(ahead.bytes), `${index}`);
  }
});

test("openTree() of a large directory reads as that of a small one does", async (t) => {
  const directory = fill(t, 4500);
  const tree = await openDirectories(temporaryDirectory(t)).openTree(directory);
  for (const [path, { content }] of filesOf(tree.root)) {
    const wanted = createHash("sha256")
      .update(readFileSync(`${directory}/${textOf(path)}`))
      .digest("hex");
    const ahead = content.readAhead?.();
    if (ahead === undefined) t.is(content.digest() as string, wanted);
    else t.is(Buffer.from(ahead.digest).toString("hex"), wanted);
  }
  tree.close();
  tree.close();
});
