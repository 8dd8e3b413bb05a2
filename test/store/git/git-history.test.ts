import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { VarveError } from "../../../core/errors.js";
import { parseCommitId, type CommitId, type RefName } from "../../../core/model/ids.js";
import type { History } from "../../../core/ports/history.js";
import { gitHistory } from "../../../store/git/git-history.js";
import type { StoreLayout } from "../../../store/store-layout.js";
import { historyContract } from "../../contracts/history-contract.js";
import { commitChain, commitDraft } from "../../helpers/commit-drafts.js";
import { hermeticEnvironment } from "../../helpers/hermetic-environment.js";
import { temporaryDirectory, temporaryStore } from "../../helpers/temporary-store.js";

const environment = hermeticEnvironment("/nonexistent");
Object.assign(process.env, environment);

const MAIN = "refs/heads/main" as RefName;

interface Subject {
  readonly layout: StoreLayout;
  readonly history: History;
  /** Runs git in the store's repository. */
  readonly git: (...words: string[]) => string;
}

function subject(t: ExecutionContext): Subject {
  const layout = temporaryStore(t);
  const git = (...words: string[]): string => runGit(layout.git, words);
  return { layout, history: gitHistory(layout), git };
}

function runGit(directory: string, words: readonly string[]): string {
  return execFileSync("git", words, {
    cwd: directory,
    env: environment,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).trimEnd();
}

historyContract(test, "git history", (t) => gitHistory(temporaryStore(t)));
historyContract(test, "git history without its cache", (t) => {
  const layout = temporaryStore(t);
  rmSync(layout.commitCache, { recursive: true });
  writeFileSync(layout.commitCache, "");
  return gitHistory(layout);
});

test("git log reads the commits with author, committer, time and message", async (t) => {
  const { history, git } = subject(t);
  await history.writeCommit(commitDraft(1));
  const id = await history.writeCommit(commitDraft(2, [], { message: "títle\n\nbody" }));
  await history.updateRefs([{ name: MAIN, before: undefined, after: id }]);
  const format = "%an|%ae|%ad|%cn|%ce|%cd|%B";
  t.is(
    git("log", "--date=raw", `--format=${format}`),
    "Ada|ada@example.org|900000002 +0200|Varve Test|test@varve.invalid|981173106 +0000|títle\n\nbody",
  );
});

test("git fsck --strict finds nothing to say about commits, refs and logs", async (t) => {
  const { history, git } = subject(t);
  const ids = await commitChain(history, 4);
  await history.updateRefs([
    { name: "refs/heads/ci/base" as RefName, before: undefined, after: ids[1] },
    { name: "refs/tags/v1" as RefName, before: undefined, after: ids[2] },
    { name: "refs/varve/saved/1" as RefName, before: undefined, after: ids[3] },
  ]);
  await history.updateRefs([{ name: "refs/heads/ci/base" as RefName, before: ids[1], after: undefined }]);
  t.is(git("fsck", "--strict", "--full"), "");
  t.is(git("for-each-ref", "--format=%(refname)"), "refs/heads/main\nrefs/tags/v1\nrefs/varve/saved/1");
});

test("git rev-parse and git reflog read the logs", async (t) => {
  const { history, git } = subject(t);
  const [first, second, third] = await commitChain(history, 3);
  t.is(git("rev-parse", "main~1", "HEAD^", "main@{1}", "HEAD@{2}"), [second, second, second, first].join("\n"));
  t.is(
    git("log", "-g", "--format=%H %gs", "main"),
    [third, second, first].map((id, at) => `${id} commit: commit ${3 - at}`).join("\n"),
  );
  await history.setHead("refs/heads/other" as RefName);
  await history.updateRefs([{ name: "refs/heads/other" as RefName, before: undefined, after: first }]);
  await history.setHead(MAIN);
  t.is(git("rev-parse", "@{-1}"), first as string);
});

test("a commit's tree holds the three files, each ending in a newline", async (t) => {
  const { history, git } = subject(t);
  const origin = { command: ["true"], exitCode: 0, durationMilliseconds: 1 };
  const id = await history.writeCommit(commitDraft(1, [], { config: { os: "linux" }, origin }));
  t.is(git("ls-tree", "--name-only", id), "config.json\nlayer.json\norigin.json");
  const hex = "1".padStart(64, "0");
  const record = `{\n  "layer": "${hex}",\n  "tree": "${hex}",\n  "added": 1,\n  "modified": 0,\n  "deleted": 0,\n  "storedBytes": 4096\n}\n`;
  t.is(`${git("show", `${id}:layer.json`)}\n`, record);
});

test("writeCommit() with SOURCE_DATE_EPOCH gives the same id in every store", async (t) => {
  const ids = [];
  for (let times = 0; times < 2; times += 1) ids.push(await subject(t).history.writeCommit(commitDraft(1)));
  t.is(ids[0], ids[1]);
});

test("writeCommit() with SOURCE_DATE_EPOCH makes no time later than that", async (t) => {
  const { history } = subject(t);
  const author = { ...commitDraft(1).author, seconds: 2 ** 31 };
  const commit = await history.readCommit(await history.writeCommit(commitDraft(1, [], { author })));
  t.deepEqual([commit.author.seconds, commit.author.offsetMinutes, commit.committer.seconds], [981173106, 0, 981173106]);
});

test("writeCommit() makes names safe that would break a commit object or a terminal", async (t) => {
  const { history, git } = subject(t);
  const author = { ...commitDraft(1).author, name: "Eve\n<\x1b[31m> \0.", email: "<eve>\n@x" };
  const id = await history.writeCommit(commitDraft(1, [], { author, message: "a\x1b[31mb\r\nc\x9b" }));
  await history.updateRefs([{ name: MAIN, before: undefined, after: id }]);
  t.is(git("fsck", "--strict"), "");
  const commit = await history.readCommit(id);
  t.deepEqual([commit.author.name, commit.author.email, commit.message], ["Eve [31m", "eve @x", "a\ufffd[31mb\nc\ufffd"]);
});

test("writeCommit() of a message with a NUL throws USAGE", async (t) => {
  await t.throwsAsync(subject(t).history.writeCommit(commitDraft(1, [], { message: "a\0b" })), { code: "USAGE" });
});

test("writeCommit() leaves nothing in scratch/", async (t) => {
  const { history, layout, git } = subject(t);
  await commitChain(history, 2);
  t.is(execFileSync("ls", ["-A", layout.scratch], { encoding: "utf8" }), "");
  t.is(git("count-objects").split(" ")[0], "6");
});

test("writeCommit() writes an object anew that a crash of another program tore", async (t) => {
  const { history, layout, git } = subject(t);
  const id = await history.writeCommit(commitDraft(1));
  for (const object of [id, git("rev-parse", `${id}:layer.json`)]) {
    const file = path.join(layout.git, "objects", object.slice(0, 2), object.slice(2));
    for (const torn of ["", "x", readFileSync(file).subarray(0, 20)]) {
      rmSync(file);
      writeFileSync(file, torn);
      t.is(await history.writeCommit(commitDraft(1)), id);
      t.is(git("fsck", "--strict").replace(/^dangling.*$/m, ""), "");
    }
  }
});

test("readCommit() reads what git packed, and refs that git packed", async (t) => {
  const { history, layout, git } = subject(t);
  const ids = await commitChain(history, 5);
  await history.updateRefs([{ name: "refs/tags/v1" as RefName, before: undefined, after: ids[0] }]);
  git("gc", "-q");
  rmSync(path.join(layout.commitCache), { recursive: true });
  mkdirSync(layout.commitCache);
  const fresh = gitHistory(layout);
  t.is(await fresh.readRef(MAIN), ids[4]);
  t.is((await fresh.readCommit(ids[2] as CommitId)).message, "commit 3");
  t.deepEqual(await fresh.findCommits((ids[3] as string).slice(0, 10), 5), [ids[3]]);
  t.deepEqual(
    (await fresh.listRefs("refs/")).map(({ name }) => name),
    [MAIN, "refs/tags/v1"],
  );
  await fresh.updateRefs([
    { name: MAIN, before: ids[4], after: ids[1] },
    { name: "refs/tags/v1" as RefName, before: ids[0], after: undefined },
  ]);
  t.is(git("for-each-ref", "--format=%(refname) %(objectname)"), `refs/heads/main ${ids[1]}`);
});

test("readRef() of an annotated tag is the commit that it names", async (t) => {
  const { history, layout, git } = subject(t);
  const [id] = await commitChain(history, 1);
  git("tag", "-a", "-m", "note", "v1", "main");
  const tag = "refs/tags/v1" as RefName;
  t.is(await history.readRef(tag), id);
  git("pack-refs", "--all");
  t.is(await gitHistory(layout).readRef(tag), id);
  await history.updateRefs([{ name: tag, before: id, after: undefined }]);
  t.is(await history.readRef(tag), undefined);
});

const damagedRefs = [
  { what: "empty", make: (file: string) => writeFileSync(file, "") },
  { what: "cut short", make: (file: string) => writeFileSync(file, "0123456789") },
  { what: "a symbolic link", make: (file: string) => symlinkSync("/etc/passwd", file) },
  { what: "a FIFO", make: (file: string) => execFileSync("mkfifo", [file]) },
  { what: "a loop", make: (file: string) => writeFileSync(file, "ref: refs/heads/bad\n") },
  { what: "a way out", make: (file: string) => writeFileSync(file, "ref: refs/../../../etc/passwd\n") },
  { what: "of 64 MiB", make: (file: string) => writeFileSync(file, Buffer.alloc(2 ** 26, "a")) },
];

for (const { what, make } of damagedRefs) {
  test(`readRef() of a ref file that is ${what} throws STORE_DAMAGED, and other refs can be listed`, async (t) => {
    const { history, layout } = subject(t);
    const [id] = await commitChain(history, 1);
    make(path.join(layout.git, "refs/heads/bad"));
    const error = await t.throwsAsync(history.readRef("refs/heads/bad" as RefName), { instanceOf: VarveError });
    t.is(error?.code, "STORE_DAMAGED");
    t.deepEqual(await history.listRefs("refs/heads/"), [{ name: MAIN, commit: id as CommitId }]);
  });
}

test("readRef() follows a symbolic ref, and CRLF and missing newlines do no harm", async (t) => {
  const { history, layout, git } = subject(t);
  const [id] = await commitChain(history, 1);
  git("symbolic-ref", "refs/heads/alias", MAIN);
  writeFileSync(path.join(layout.git, "refs/heads/crlf"), `${id}\r\n`);
  writeFileSync(path.join(layout.git, "refs/heads/bare"), `${id}`);
  for (const name of ["alias", "crlf", "bare"]) t.is(await history.readRef(`refs/heads/${name}` as RefName), id);
});

const foreign = [
  { what: "no layer.json", files: { "README.md": "hello" } },
  { what: "a layer.json that is no JSON", files: { "layer.json": "{" } },
  { what: "a layer.json that is a list", files: { "layer.json": "[]" } },
  { what: "a layer id that is a path", files: { "layer.json": JSON.stringify({ ...commitDraft(1), layer: "../../x" }) } },
  { what: "a negative count", files: { "layer.json": JSON.stringify({ ...commitDraft(1), added: -1 }) } },
  { what: "a count beyond 2^53", files: { "layer.json": JSON.stringify({ ...commitDraft(1), storedBytes: 2 ** 60 }) } },
  { what: "a huge layer.json", files: { "layer.json": `${JSON.stringify(commitDraft(1))}${" ".repeat(70_000)}` } },
  { what: "a bad origin.json", files: { "layer.json": JSON.stringify(commitDraft(1)), "origin.json": '{"command":"x"}' } },
  { what: "a deep config.json", files: { "layer.json": JSON.stringify(commitDraft(1)), "config.json": "[".repeat(100_000) } },
];

for (const { what, files } of foreign) {
  test(`readCommit() of a commit with ${what} throws STORE_DAMAGED with a hint`, async (t) => {
    const { history, git } = subject(t);
    const work = temporaryDirectory(t);
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(work, name), text);
    git("--work-tree", work, "add", ".");
    const tree = git("write-tree");
    const id = parseCommitId(git("commit-tree", "-m", "foreign", tree));
    const error = await t.throwsAsync(history.readCommit(id), { instanceOf: VarveError });
    t.is(error?.code, "STORE_DAMAGED");
    t.truthy(error?.hint);
    t.deepEqual(await history.findCommits(id, 5), []);
  });
}

test("readCommit() of a blob's or a tree's id throws STORE_DAMAGED", async (t) => {
  const { history, git } = subject(t);
  await commitChain(history, 1);
  for (const object of ["main:layer.json", "main^{tree}"]) {
    await t.throwsAsync(history.readCommit(parseCommitId(git("rev-parse", object))), { code: "STORE_DAMAGED" });
  }
});

test("readCommit() of a loose object whose bytes were exchanged throws STORE_DAMAGED", async (t) => {
  const { history, layout } = subject(t);
  const [first = "", second = ""] = await commitChain(history, 2);
  const file = (id: string): string => path.join(layout.git, "objects", id.slice(0, 2), id.slice(2));
  const bytes = readFileSync(file(first));
  rmSync(file(second));
  writeFileSync(file(second), bytes);
  rmSync(layout.commitCache, { recursive: true });
  await t.throwsAsync(gitHistory(layout).readCommit(parseCommitId(second)), { code: "STORE_DAMAGED" });
});

test("updateRefs() waits for a git command's lock, and throws STORE_LOCKED when it stays", async (t) => {
  const { history, layout } = subject(t);
  const [id] = await commitChain(history, 1);
  const lock = path.join(layout.git, `${MAIN}.lock`);
  writeFileSync(lock, "");
  setTimeout(() => rmSync(lock), 200);
  await history.updateRefs([{ name: MAIN, before: id, after: id }]);
  writeFileSync(lock, "");
  await t.throwsAsync(history.updateRefs([{ name: MAIN, before: id, after: undefined }]), { code: "STORE_LOCKED" });
  t.is(await history.readRef(MAIN), id);
});

test("updateRefs() of one ref twice throws RangeError", async (t) => {
  const { history } = subject(t);
  const [id] = await commitChain(history, 1);
  const update = { name: MAIN, before: id, after: id };
  await t.throwsAsync(history.updateRefs([update, update]), { instanceOf: RangeError });
});

test("head() throws STORE_DAMAGED when git detached it", async (t) => {
  const { history, git } = subject(t);
  const [id = ""] = await commitChain(history, 1);
  git("update-ref", "--no-deref", "HEAD", id);
  await t.throwsAsync(history.head(), { code: "STORE_DAMAGED" });
});
