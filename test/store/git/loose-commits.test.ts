import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import test, { type ExecutionContext } from "ava";
import type { CommitId } from "../../../core/model/ids.js";
import { gitHistory } from "../../../store/git/git-history.js";
import { GitObjects } from "../../../store/git/git-objects.js";
import { readLooseCommit, readLooseFile } from "../../../store/git/loose-commits.js";
import { looseObject } from "../../../store/git/loose-objects.js";
import type { StoreLayout } from "../../../store/store-layout.js";
import { commitDraft } from "../../helpers/commit-drafts.js";
import { hermeticEnvironment } from "../../helpers/hermetic-environment.js";
import { temporaryStore } from "../../helpers/temporary-store.js";

const environment = hermeticEnvironment("/nonexistent");
Object.assign(process.env, environment);

function git({ git: cwd }: StoreLayout, words: readonly string[], input = ""): string {
  return execFileSync("git", words, {
    cwd,
    env: environment,
    encoding: "utf8",
    input,
    stdio: ["pipe", "pipe", "pipe"],
  }).trimEnd();
}

/** Commits of many forms, all of one tree that varve wrote. @param head What stands between the tree and the message. */
function writeRaw(layout: StoreLayout, like: CommitId, head: (people: string) => string, message: string): CommitId {
  const [tree, ...lines] = git(layout, ["cat-file", "commit", like]).split("\n");
  const people = lines.slice(0, lines.indexOf("")).join("\n");
  const text = `${tree ?? ""}\n${head(people)}\n\n${message}`;
  return git(layout, ["hash-object", "-t", "commit", "-w", "--stdin", "--literally"], text) as CommitId;
}

async function commitsOf(t: ExecutionContext): Promise<{ layout: StoreLayout; ids: CommitId[] }> {
  const layout = temporaryStore(t);
  const history = gitHistory(layout);
  const first = await history.writeCommit(commitDraft(1));
  const origin = { command: ["sh", "-c", "é"], exitCode: 0, durationMilliseconds: 1.5 };
  const config = { architecture: "amd64" };
  const plain = (people: string): string => people;
  const ids = [
    first,
    await history.writeCommit(commitDraft(2, [first], { message: "títle\n\nbody\n\n  more", origin, config })),
    writeRaw(layout, first, (people) => `parent ${first}\nparent ${first}\n${people}`, "a merge\n"),
    writeRaw(layout, first, plain, "no newline at the end"),
    writeRaw(layout, first, plain, "several at the end\n\n\n"),
    writeRaw(layout, first, plain, "\n\nsome at the beginning\n"),
    writeRaw(layout, first, plain, "lines of\r\nanother system\r\n"),
    writeRaw(layout, first, plain, ""),
    writeRaw(layout, first, (people) => `${people}\nencoding ISO-8859-1`, "another header\n"),
    writeRaw(layout, first, (people) => `${people}\ngpgsig -----BEGIN\n \n of no worth`, "signed\n"),
    writeRaw(layout, first, () => "author A <b> c> <d@e> 12 -0330\ncommitter  <> 4102444800 +0000", "odd people\n"),
    writeRaw(layout, first, () => "author A <a> -5 +0100\ncommitter A <a> 5 +0100", "before 1970\n"),
  ];
  return { layout, ids };
}

test("read() gives the same for a commit that stands loose and for one that git packed", async (t) => {
  const { layout, ids } = await commitsOf(t);
  const read = (): Promise<unknown[]> => Promise.all(ids.map((id) => new GitObjects(layout).read(id)));
  const loose = await read();
  ids.forEach((id, number) => git(layout, ["update-ref", `refs/heads/b${number}`, id]));
  git(layout, ["repack", "-adq"]);
  git(layout, ["prune-packed", "-q"]);
  t.deepEqual(
    ids.map((id) => readLooseCommit(layout.git, id)),
    ids.map(() => undefined),
  );
  t.deepEqual(await read(), loose);
});

test("readLooseCommit() leaves to isomorphic-git what varve does not write", async (t) => {
  const { layout, ids } = await commitsOf(t);
  const isRead = ids.map((id) => readLooseCommit(layout.git, id) !== undefined);
  t.deepEqual(isRead, [true, true, true, false, false, false, false, false, false, false, false, false]);
});

test("a loose object with other bytes than its name promises is not read", async (t) => {
  const { layout, ids } = await commitsOf(t);
  const [first, second] = ids as [CommitId, CommitId];
  const blob = git(layout, ["rev-parse", `${first}:layer.json`]);
  t.is(readLooseFile(layout.git, blob)?.toString(), `${git(layout, ["cat-file", "blob", blob])}\n`);
  const other = readFileSync(looseObject(layout.git, second));
  for (const id of [first, blob]) {
    chmodSync(looseObject(layout.git, id), 0o644);
    writeFileSync(looseObject(layout.git, id), other);
  }
  t.is(readLooseCommit(layout.git, first), undefined);
  t.is(readLooseFile(layout.git, blob), undefined);
  await t.throwsAsync(new GitObjects(layout).read(first), { code: "STORE_DAMAGED" });
});
