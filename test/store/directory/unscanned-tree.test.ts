import { execFileSync } from "node:child_process";
import { appendFileSync, chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { digestInput } from "../../../core/cache/input-digest.js";
import { VarveError } from "../../../core/errors.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import { compareTrees } from "../../../core/trees/compare-trees.js";
import { openDirectoryTree } from "../../../store/directory/directory-tree.js";
import { openDirectories } from "../../../store/directory/plain-directories.js";
import { openUnscannedTree } from "../../../store/directory/unscanned-tree.js";
import { describeTree } from "../../contracts/described-tree.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

function sample(t: ExecutionContext): string {
  const directory = path.join(temporaryDirectory(t), "sample");
  mkdirSync(path.join(directory, "sub/deep"), { recursive: true });
  writeFileSync(path.join(directory, "file"), "content");
  writeFileSync(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff, 0x0a])]), "odd name");
  writeFileSync(path.join(directory, "sub/hole"), "x");
  truncateSync(path.join(directory, "sub/hole"), 1 << 20);
  symlinkSync("nowhere", path.join(directory, "sub/deep/link"));
  execFileSync("mkfifo", [path.join(directory, "sub/fifo")]);
  chmodSync(path.join(directory, "sub"), 0o2750);
  return directory;
}

test("openUnscannedTree() shows what a scan shows, but each hardlink as a file", (t) => {
  const directory = sample(t);
  const [scanned, unscanned] = [openDirectoryTree(directory), openUnscannedTree(directory)];
  t.deepEqual(describeTree(unscanned), describeTree(scanned));
  scanned.close();
  unscanned.close();
});

test("openUnscannedTree() gives the same directory twice, so that a comparison passes it over", async (t) => {
  const tree = openUnscannedTree(sample(t));
  t.is(tree.root.child("sub" as ByteString), tree.root.child("sub" as ByteString));
  t.deepEqual(await compareTrees(tree, { root: tree.root, close: () => undefined }), []);
  t.is(tree.root.child("nothing" as ByteString), undefined);
  tree.close();
});

test("a file of openUnscannedTree() that changes after it was seen is refused", (t) => {
  const directory = sample(t);
  const tree = openUnscannedTree(directory);
  const node = tree.root.child("file" as ByteString)!;
  appendFileSync(path.join(directory, "file"), "more");
  const error = t.throws(() => ("content" in node ? node.content.digest() : ""), { instanceOf: VarveError });
  t.is(error.code, "SOURCE_CHANGED");
  tree.close();
});

test("digestInput() goes by names, modes and contents, and not by times", async (t) => {
  const directory = sample(t);
  const directories = openDirectories(path.join(directory, "../store"));
  mkdirSync(path.join(directory, "../store"));
  const digest = () => digestInput(directories, directory);
  const before = await digest();
  t.regex(before, /^[0-9a-f]{64}$/);
  utimesSync(path.join(directory, "file"), 1, 1);
  t.is(await digest(), before);
  symlinkSync(directory, path.join(directory, "../way"));
  t.is(await digestInput(directories, path.join(directory, "../way")), before, "a symlink is followed");
  writeFileSync(path.join(directory, ".varveignore"), "file\n");
  const ignoring = await digest();
  writeFileSync(path.join(directory, "file"), "Content");
  t.not(await digest(), ignoring, "what is ignored counts, since a process sees it");
  const file = await digestInput(directories, path.join(directory, "file"));
  t.not(file, before);
  chmodSync(path.join(directory, "file"), 0o600);
  t.not(await digestInput(directories, path.join(directory, "file")), file);
  rmSync(path.join(directory, "file"));
  await t.throwsAsync(digestInput(directories, path.join(directory, "file")), { code: "SOURCE_MISSING" });
  symlinkSync("loop", path.join(directory, "loop"));
  await t.throwsAsync(digestInput(directories, path.join(directory, "loop")), { code: "SOURCE_MISSING" });
});
