import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { textOf, type ByteString } from "../../../core/model/byte-string.js";
import type { CommitId } from "../../../core/model/ids.js";
import type { DirectoryNode } from "../../../core/model/tree.js";
import { commitTarget } from "../../../core/operations/commit-target.js";
import { importSource } from "../../../core/operations/import-source.js";
import { rollbackTarget } from "../../../core/operations/rollback-target.js";
import { statusOf } from "../../../core/operations/status-of.js";
import { openCommitTree } from "../../../core/operations/targets.js";
import { undoOperation } from "../../../core/operations/undo-operation.js";
import { branchRef } from "../../../core/revision/ref-names.js";
import type { Repository } from "../../../core/ports/repository.js";
import { hermeticEnvironment } from "../../helpers/hermetic-environment.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { trackedRepository, type TrackedRepository } from "../../helpers/tracked-repository.js";

interface Story extends TrackedRepository {
  sh(script: string): void;
  /** `A /path`, sorted. */
  status(): Promise<string[]>;
  rollback(commit: CommitId): Promise<void>;
  undo(): Promise<void>;
  has(file: string): boolean;
}

async function story(t: ExecutionContext): Promise<Story> {
  const tracked = await trackedRepository(t);
  const { repository, target, directory } = tracked;
  return {
    ...tracked,
    sh: (script) => {
      execFileSync("sh", ["-ec", script], { cwd: directory });
    },
    status: async () => {
      const { changes, close } = await statusOf(repository, target);
      close();
      return changes.map(({ status, path: at }) => `${status} /${textOf(at)}`);
    },
    rollback: async (commit) => {
      await rollbackTarget(repository, target, commit, { command: "rollback" });
    },
    undo: async () => {
      await undoOperation(repository, { command: "undo" });
    },
    has: (file) => existsSync(path.join(directory, file)),
  };
}

async function filesOf(repository: Repository, commit: CommitId): Promise<string[]> {
  const tree = await openCommitTree(repository, commit);
  const found: string[] = [];
  const visit = (node: DirectoryNode, at: string): void => {
    for (const [name, child] of node.children()) {
      if ("children" in child) visit(child, `${at}${textOf(name)}/`);
      else found.push(`${at}${textOf(name)}`);
    }
  };
  visit(tree.root, "");
  tree.close();
  return found;
}

const NESTED = `
  mkdir -p src/lib/deep build/out logs/keep empty only/ignored
  printf '*.log\\n/build/\\nlogs/*\\n!logs/keep\\nonly/ignored/*\\n' > IGNORE
  printf '!wanted.log\\n/local\\n*.tmp\\n' > src/IGNORE
  printf '!x.tmp\\n' > src/lib/IGNORE
  printf 'y.tmp\\n' > src/lib/deep/IGNORE
  for d in . src src/lib src/lib/deep build build/out logs logs/keep only/ignored; do
    for f in a.log wanted.log local x.tmp y.tmp plain; do echo $d/$f > $d/$f; done
  done`;

test("nested ignore files leave out of an import what git leaves out", async (t) => {
  const { repository } = await trackedRepository(t);
  const source = temporaryDirectory(t);
  const witness = temporaryDirectory(t);
  execFileSync("sh", ["-ec", NESTED.replaceAll("IGNORE", ".varveignore")], { cwd: source });
  execFileSync("sh", ["-ec", NESTED.replaceAll("IGNORE", ".gitignore")], { cwd: witness });
  const git = { cwd: witness, env: hermeticEnvironment(witness), encoding: "utf8" } as const;
  execFileSync("git", ["init", "--quiet"], git);
  const listed = execFileSync("git", ["ls-files", "--others", "--exclude-standard", "-z"], git).split("\0").slice(0, -1);
  const options = { branch: branchRef("i"), message: "m", command: "import" };
  const { commit, ignored } = await importSource(repository, { kind: "directory", path: source }, options);
  const wanted = listed.map((file) => file.replace(".gitignore", ".varveignore")).sort();
  t.deepEqual((await filesOf(repository, commit.id)).sort(), wanted);
  t.true(wanted.length > 15);
  // 2 in the root, 4 in src, 2 in each of its two, build/, 6 in logs, 2 in logs/keep, 6 in only/ignored.
  t.is(ignored, 25);
});

test("an import leaves out what is excluded, and keeps the directory that held it", async (t) => {
  const { repository } = await trackedRepository(t);
  const source = temporaryDirectory(t);
  execFileSync("sh", ["-ec", "mkdir proc etc; echo 1 > proc/1; echo h > etc/hosts; echo o > etc/o.bak"], { cwd: source });
  const exclude = ["/proc/*", "*.bak"] as ByteString[];
  const options = { branch: branchRef("i"), message: "m", command: "import", exclude };
  const { commit, ignored } = await importSource(repository, { kind: "directory", path: source }, options);
  t.deepEqual(await filesOf(repository, commit.id), ["etc/hosts"]);
  t.is(commit.added, 3, "etc, etc/hosts, proc");
  t.is(ignored, 2);
});

test("what is ignored does not show in status, whether it comes, changes or goes", async (t) => {
  const { sh, commit, status } = await story(t);
  sh("printf '*.log\\ncache/\\n' > .varveignore; mkdir d; echo 1 > d/f; echo 1 > d/a.log; mkdir -p cache/x; echo 1 > cache/x/y");
  await commit("first");
  t.deepEqual(await status(), []);
  sh("echo 2 > d/a.log; echo 1 > d/b.log; echo 2 > cache/z; mkdir d/cache; echo 1 > d/cache/f");
  t.deepEqual(await status(), []);
  sh("echo 2 > d/f; rm d/b.log; mkdir -p new/cache; echo 1 > new/cache/f; echo 1 > new/n.log");
  t.deepEqual(await status(), ["M /d/f"]);
  sh("echo 1 > new/f");
  t.deepEqual(await status(), ["M /d/f", "A /new", "A /new/f"]);
});

test("rules that change are seen at once, also below directories that did not change", async (t) => {
  const { sh, commit, status } = await story(t);
  sh("printf 'x\\n' > .varveignore; mkdir -p a/b; echo 1 > a/b/x; echo 1 > a/b/y; echo 1 > a/b/z");
  sh("echo .varveignore > a/.varveignore; echo z >> a/.varveignore");
  await commit("first");
  t.deepEqual(await status(), []);
  sh("printf 'q\\n' > .varveignore");
  t.deepEqual(await status(), ["M /.varveignore", "A /a/b/x"]);
  sh("echo .varveignore > a/.varveignore");
  t.deepEqual(await status(), ["M /.varveignore", "A /a/b/x", "A /a/b/z"], "a file of rules that is ignored itself");
  sh("rm .varveignore a/.varveignore");
  t.deepEqual(await status(), ["D /.varveignore", "A /a/b/x", "A /a/b/z"]);
});

test("what a commit holds stays tracked when rules ignore it, and what is new beside it is ignored", async (t) => {
  const { sh, commit, status, repository } = await story(t);
  sh("mkdir -p build/sub; echo 1 > build/old; echo 1 > build/sub/old; echo 1 > f.log");
  await commit("first");
  sh("printf 'build/\\n*.log\\n' > .varveignore; echo 1 > build/new; echo 1 > build/sub/new; echo 1 > g.log; mkdir build/dir");
  t.deepEqual(await status(), ["A /.varveignore"]);
  sh("echo 2 > build/sub/old; rm f.log");
  t.deepEqual(await status(), ["A /.varveignore", "M /build/sub/old", "D /f.log"]);
  const second = await commit("second");
  t.deepEqual(await filesOf(repository, second), [".varveignore", "build/old", "build/sub/old"]);
  t.deepEqual(await status(), []);
  sh("echo 1 > f.log");
  t.deepEqual(await status(), [], "once deleted, it is ignored as any other");
});

test("commit leaves out what is excluded; afterwards status shows it again", async (t) => {
  const { sh, status, repository, target } = await story(t);
  sh("mkdir d; echo 1 > d/a.log; echo 1 > d/f; echo '*.tmp' > .varveignore; echo 1 > d/b.tmp");
  const exclude = ["*.log" as ByteString];
  const { commit, ignored } = await commitTarget(repository, target, { message: "m", command: "commit", exclude });
  t.is(ignored, 2);
  t.deepEqual(await filesOf(repository, commit.id), [".varveignore", "d/f"]);
  t.deepEqual(await status(), ["A /d/a.log"]);
});

test("rollback and undo leave ignored paths alone, also in directories that come and go", async (t) => {
  const { sh, commit, status, rollback, undo, has } = await story(t);
  sh("echo '*.o' > .varveignore; echo 1 > f");
  const first = await commit("first");
  sh("mkdir -p d/e plain; echo 1 > d/e/a; echo 1 > d/e/a.o; echo 1 > d/b.o; echo 1 > top.o; echo 1 > plain/p");
  await commit("second");
  await rollback(first);
  t.deepEqual(await status(), []);
  t.deepEqual(["d/e/a", "plain", "d/e/a.o", "d/b.o", "top.o"].map(has), [false, false, true, true, true]);
  await undo();
  t.deepEqual(await status(), []);
  t.deepEqual(["d/e/a", "plain/p", "d/e/a.o", "d/b.o", "top.o"].map(has), [true, true, true, true, true]);
});

test("rollback over an ignored path saves it first, and undo brings it back", async (t) => {
  const { sh, commit, status, rollback, undo, directory } = await story(t);
  sh("echo tracked > x.log");
  const first = await commit("first");
  sh("rm x.log; echo '*.log' > .varveignore");
  await commit("second");
  sh("echo precious > x.log");
  t.deepEqual(await status(), []);
  await rollback(first);
  t.is(readFileSync(path.join(directory, "x.log"), "utf8"), "tracked\n");
  await undo();
  t.is(readFileSync(path.join(directory, "x.log"), "utf8"), "precious\n");
  t.deepEqual(await status(), []);
});

test("rollback to a commit with a file in the place of a directory that holds ignored paths is a CONFLICT, and changes nothing", async (t) => {
  const { sh, commit, status, rollback, has } = await story(t);
  sh("echo 1 > place; echo 1 > f");
  const first = await commit("first");
  sh("rm place; mkdir place; echo '*.o' > .varveignore; echo 1 > place/a.o; echo 1 > place/t; echo 2 > f");
  await commit("second");
  const error = await t.throwsAsync(rollback(first), { code: "CONFLICT" });
  t.is((error as { path?: string }).path, "/place");
  t.true(has("place/a.o") && has("place/t"));
  t.deepEqual(await status(), []);
});

test("an ignore file that is a symlink, a directory or too large is no file of rules, or refused", async (t) => {
  const { sh, status, directory } = await story(t);
  sh("echo f > rules; mkdir l d; ln -s ../rules l/.varveignore; echo 1 > l/f; mkdir d/.varveignore; echo 1 > d/f");
  const found = await status();
  t.true(found.includes("A /l/f") && found.includes("A /d/f"));
  writeFileSync(path.join(directory, ".varveignore"), "x\n".repeat(600_000));
  await t.throwsAsync(status(), { code: "UNSUPPORTED" });
});
