import type { ExecutionContext, TestFn } from "ava";
import { VarveError, type ErrorCode } from "../../core/errors.js";
import { parseCommitId, type RefName } from "../../core/model/ids.js";
import type { History } from "../../core/ports/history.js";
import { commitChain, commitDraft } from "../helpers/commit-drafts.js";

const ABSENT = parseCommitId("f".repeat(40));
const MAIN = "refs/heads/main" as RefName;
const TAG = "refs/tags/v1" as RefName;

/** What every history promises. @param open Gives an empty one. */
export function historyContract(test: TestFn, name: string, open: (t: ExecutionContext) => History): void {
  test(`${name}: readCommit() gives back what writeCommit() was given`, async (t) => {
    const history = open(t);
    const parent = await history.writeCommit(commitDraft(1));
    const origin = { command: ["sh", "-c", "true"], exitCode: 3, durationMilliseconds: 12.5 };
    const config = { os: "linux", config: { Env: ["A=ö"] } };
    const draft = commitDraft(2, [parent], { config, origin, message: "títle\n\nbody  \n  more" });
    const id = await history.writeCommit(draft);
    const { committer, ...read } = await history.readCommit(id);
    t.deepEqual(read, { ...draft, id, config, origin });
    t.is(typeof committer.seconds, "number");
  });

  test(`${name}: readCommit() of a commit without config and origin has neither`, async (t) => {
    const history = open(t);
    const { config, origin, parents } = await history.readCommit(await history.writeCommit(commitDraft(1)));
    t.deepEqual({ config, origin, parents }, { config: undefined, origin: undefined, parents: [] });
  });

  test(`${name}: readCommit() of an absent commit throws STORE_DAMAGED`, async (t) => {
    await rejects(t, open(t).readCommit(ABSENT), "STORE_DAMAGED");
  });

  test(`${name}: a merge keeps its parents in order`, async (t) => {
    const history = open(t);
    const parents = [await history.writeCommit(commitDraft(9)), await history.writeCommit(commitDraft(8))];
    t.deepEqual((await history.readCommit(await history.writeCommit(commitDraft(1, parents)))).parents, parents);
  });

  test(`${name}: findCommits() knows commits by prefix and by their whole id, and no others`, async (t) => {
    const history = open(t);
    const [id = ABSENT] = await commitChain(history, 3);
    t.deepEqual(await history.findCommits(id.slice(0, 7), 10), [id]);
    t.deepEqual(await history.findCommits(id, 10), [id]);
    t.deepEqual(await history.findCommits(ABSENT, 10), []);
  });

  test(`${name}: updateRefs() makes, moves and deletes a ref`, async (t) => {
    const history = open(t);
    t.is(await history.readRef(MAIN), undefined);
    const [first, second] = await commitChain(history, 2);
    t.is(await history.readRef(MAIN), second);
    await history.updateRefs([{ name: MAIN, before: second, after: first }]);
    t.is(await history.readRef(MAIN), first);
    await history.updateRefs([{ name: MAIN, before: first, after: undefined }]);
    t.is(await history.readRef(MAIN), undefined);
    t.deepEqual(await history.listRefs("refs/"), []);
  });

  test(`${name}: updateRefs() of a ref that has moved throws CONFLICT and moves none of the others`, async (t) => {
    const history = open(t);
    const [first, second] = await commitChain(history, 2);
    const updates = [
      { name: "refs/heads/aside" as RefName, before: undefined, after: first },
      { name: MAIN, before: first, after: first },
    ];
    await rejects(t, history.updateRefs(updates), "CONFLICT");
    t.deepEqual(await history.listRefs("refs/"), [{ name: MAIN, commit: second }]);
  });

  test(`${name}: updateRefs() that would make a ref anew throws CONFLICT`, async (t) => {
    const history = open(t);
    const [first] = await commitChain(history, 1);
    await rejects(t, history.updateRefs([{ name: MAIN, before: undefined, after: first }]), "CONFLICT");
  });

  test(`${name}: updateRefs() to an absent commit throws STORE_DAMAGED`, async (t) => {
    await rejects(t, open(t).updateRefs([{ name: MAIN, before: undefined, after: ABSENT }]), "STORE_DAMAGED");
  });

  test(`${name}: updateRefs() of a bad name throws BAD_NAME`, async (t) => {
    const history = open(t);
    const [first] = await commitChain(history, 1);
    for (const bad of ["refs/heads/../../x", "refs/heads/a.lock", "main", "refs/heads/a b"]) {
      await rejects(t, history.updateRefs([{ name: bad as RefName, before: undefined, after: first }]), "BAD_NAME");
    }
  });

  test(`${name}: updateRefs() of a name below another ref, or above one, throws NAME_TAKEN`, async (t) => {
    const history = open(t);
    const [first] = await commitChain(history, 1, "refs/heads/a/b");
    for (const taken of ["refs/heads/a", "refs/heads/a/b/c"] as RefName[]) {
      await rejects(t, history.updateRefs([{ name: taken, before: undefined, after: first }]), "NAME_TAKEN");
    }
    const both = ["refs/heads/c/d", "refs/heads/c"] as RefName[];
    await rejects(t, history.updateRefs(both.map((name) => ({ name, before: undefined, after: first }))), "NAME_TAKEN");
    for (const neither of both) t.deepEqual(await history.refLog(neither), []);
    const [above, below] = ["refs/heads/a", "refs/heads/a/b"] as [RefName, RefName];
    await history.updateRefs([{ name: below, before: first, after: undefined }]);
    await history.updateRefs([{ name: above, before: undefined, after: first }]);
    t.is(await history.readRef(above), first);
  });

  test(`${name}: listRefs() gives the refs below a prefix in byte order`, async (t) => {
    const history = open(t);
    const [commit] = await commitChain(history, 1);
    const names = ["refs/heads/b", "refs/heads/a/x", "refs/heads/a-b", "refs/tags/ü", "refs/varve/saved/1"] as RefName[];
    await history.updateRefs(names.map((ref) => ({ name: ref, before: undefined, after: commit })));
    const listed = async (prefix: string): Promise<readonly string[]> => (await history.listRefs(prefix)).map((ref) => ref.name);
    t.deepEqual(await listed("refs/heads/"), ["refs/heads/a-b", "refs/heads/a/x", "refs/heads/b", MAIN]);
    t.deepEqual(await listed("refs/varve/"), ["refs/varve/saved/1"]);
    t.is((await listed("refs/")).length, 6);
  });

  test(`${name}: refLog() tells where a branch and HEAD stood, newest first`, async (t) => {
    const history = open(t);
    const [first, second] = await commitChain(history, 2);
    for (const ref of [MAIN, "HEAD"] as const) {
      const log = (await history.refLog(ref)).map(({ before, after, reason }) => ({ before, after, reason }));
      t.deepEqual(log, [
        { before: first, after: second, reason: "commit: commit 2" },
        { before: undefined, after: first, reason: "commit: commit 1" },
      ]);
    }
    t.deepEqual(await history.refLog("refs/heads/absent" as RefName), []);
  });

  test(`${name}: a tag that writeTag() made leads to its commit, until another update says otherwise`, async (t) => {
    const history = open(t);
    const [first, second] = await commitChain(history, 2);
    const tagger = { name: "A", email: "a@example.org", seconds: 900_000_000, offsetMinutes: -90 };
    const draft = { name: "v1", commit: first!, tagger, message: "títle\n\nbody" };
    const id = await history.writeTag(draft);
    await history.updateRefs([{ name: TAG, before: undefined, after: first, afterTag: id }]);
    t.is(await history.readRef(TAG), first);
    t.deepEqual(await history.readTag(TAG), { ...draft, id });
    t.deepEqual(await history.readTagObject(id), { ...draft, id });
    t.is(await history.readTag(MAIN), undefined);
    await rejects(t, history.updateRefs([{ name: TAG, before: second, after: first }]), "CONFLICT");
    await history.updateRefs([{ name: TAG, before: first, beforeTag: id, after: second }]);
    t.is(await history.readTag(TAG), undefined);
    t.is(await history.readRef(TAG), second);
    await history.updateRefs([{ name: TAG, before: second, after: first, afterTag: id }]);
    t.is((await history.readTag(TAG))?.id, id);
  });

  test(`${name}: a renamed branch keeps its log`, async (t) => {
    const history = open(t);
    const [, second] = await commitChain(history, 2, "refs/heads/old");
    const to = "refs/heads/new" as RefName;
    const from = "refs/heads/old" as RefName;
    await history.updateRefs([
      { name: from, before: second, after: undefined },
      { name: to, before: undefined, after: second, from },
    ]);
    const after = (await history.refLog(to)).slice(1).map((move) => move.reason);
    t.deepEqual(after, ["commit: commit 2", "commit: commit 1"]);
    t.deepEqual(await history.refLog(from), []);
  });

  test(`${name}: upstream() is what setUpstream() set last`, async (t) => {
    const history = open(t);
    t.is(await history.upstream(MAIN), undefined);
    for (const upstream of ["refs/heads/a.b/c", "refs/remotes/origin/x/y", undefined] as (RefName | undefined)[]) {
      await history.setUpstream(MAIN, upstream);
      t.is(await history.upstream(MAIN), upstream);
    }
  });

  test(`${name}: refLog() of a tag is empty`, async (t) => {
    const history = open(t);
    const [commit] = await commitChain(history, 1);
    await history.updateRefs([{ name: TAG, before: undefined, after: commit }]);
    t.deepEqual(await history.refLog(TAG), []);
  });

  test(`${name}: head() is main at first, and what setHead() set, with or without commits`, async (t) => {
    const history = open(t);
    t.is(await history.head(), MAIN);
    await history.setHead("refs/heads/new" as RefName);
    t.is<string, string>(await history.head(), "refs/heads/new");
    await commitChain(history, 1);
    await history.setHead(MAIN);
    t.is(await history.head(), MAIN);
    t.regex((await history.refLog("HEAD"))[0]?.reason ?? "", /^checkout: moving from new to main$/);
  });
}

async function rejects(t: ExecutionContext, work: Promise<unknown>, code: ErrorCode): Promise<void> {
  const error = await t.throwsAsync(work, { instanceOf: VarveError });
  t.is(error?.code, code);
}
