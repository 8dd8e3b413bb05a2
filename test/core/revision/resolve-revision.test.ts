import test from "ava";
import { VarveError, type ErrorCode } from "../../../core/errors.js";
import type { CommitId, RefName } from "../../../core/model/ids.js";
import type { History } from "../../../core/ports/history.js";
import { resolveRevision } from "../../../core/revision/resolve-revision.js";
import { memoryHistory } from "../../../store/memory/memory-history.js";
import { commitChain, commitDraft } from "../../helpers/commit-drafts.js";

interface Subject {
  readonly history: History;
  /** main: 0 to 3, then a merge of 3 and `side`. */
  readonly ids: readonly CommitId[];
  readonly side: CommitId;
  readonly merge: CommitId;
}

async function subject(): Promise<Subject> {
  const history = memoryHistory();
  const ids = await commitChain(history, 4);
  const side = await history.writeCommit(commitDraft(50, [ids[0] as CommitId]));
  const merge = await history.writeCommit(commitDraft(60, [ids[3] as CommitId, side]));
  await history.updateRefs([
    { name: "refs/heads/main" as RefName, before: ids[3], after: merge },
    { name: "refs/heads/ci/base" as RefName, before: undefined, after: ids[1] },
    { name: "refs/tags/v1" as RefName, before: undefined, after: ids[0] },
    { name: "refs/tags/both" as RefName, before: undefined, after: ids[0] },
    { name: "refs/heads/both" as RefName, before: undefined, after: ids[1] },
    { name: "refs/heads/cafe" as RefName, before: undefined, after: ids[2] },
    { name: "refs/varve/saved/1" as RefName, before: undefined, after: side },
  ]);
  return { history, ids, side, merge };
}

const cases: readonly (readonly [text: (subject: Subject) => string, wants: (subject: Subject) => CommitId | undefined])[] = [
  [() => "HEAD", ({ merge }) => merge],
  [() => "main", ({ merge }) => merge],
  [() => "main^0", ({ merge }) => merge],
  [() => "main~0", ({ merge }) => merge],
  [() => "main~1", ({ ids }) => ids[3]],
  [() => "main~4", ({ ids }) => ids[0]],
  [() => "main^2", ({ side }) => side],
  [() => "main^2^", ({ ids }) => ids[0]],
  [() => "HEAD~2^1~1", ({ ids }) => ids[0]],
  [() => "v1", ({ ids }) => ids[0]],
  [() => "ci/base", ({ ids }) => ids[1]],
  [() => "heads/ci/base", ({ ids }) => ids[1]],
  [() => "tags/v1", ({ ids }) => ids[0]],
  [() => "both", ({ ids }) => ids[0]],
  [() => "heads/both", ({ ids }) => ids[1]],
  [() => "refs/heads/both", ({ ids }) => ids[1]],
  [() => "refs/varve/saved/1", ({ side }) => side],
  [() => "cafe", ({ ids }) => ids[2]],
  [({ side }) => side, ({ side }) => side],
  [({ side }) => `${side.slice(0, 10)}~1`, ({ ids }) => ids[0]],
  [({ side }) => side.slice(0, 12).toUpperCase(), ({ side }) => side],
  [() => "main@{0}", ({ merge }) => merge],
  [() => "main@{1}", ({ ids }) => ids[3]],
  [() => "main@{4}", ({ ids }) => ids[0]],
  [() => "@{1}", ({ ids }) => ids[3]],
  [() => "main@{1}~1", ({ ids }) => ids[2]],
  [() => "v1@{0}", ({ ids }) => ids[0]],
  [() => ":/commit 60", ({ merge }) => merge],
  [() => ":/commit", ({ merge }) => merge],
  [() => ":/^commit 5.$", ({ side }) => side],
  [() => ":/!-commit [6]", ({ side }) => side],
  [() => "main^{/commit 2}", ({ ids }) => ids[1]],
  [() => "main^{/^commit [0-9]$}~1", ({ ids }) => ids[2]],
  [() => "both^{/commit}", ({ ids }) => ids[0]],
  [() => "main^2^{commit}", ({ side }) => side],
];

for (const [at, [text, wants]] of cases.entries()) {
  const title = /"(.*)"/.exec(text.toString())?.[1] ?? `an id, case ${at}`;
  test(`resolveRevision() of ${title} is the commit that git would take`, async (t) => {
    const given = await subject();
    t.is(await resolveRevision(given.history, text(given)), wants(given) as CommitId);
  });
}

const failures: readonly (readonly [text: string, code: ErrorCode, hint: RegExp])[] = [
  ["mian", "REVISION_UNKNOWN", /Did you mean main\?/],
  ["Main", "REVISION_UNKNOWN", /main/],
  ["ci/bse", "REVISION_UNKNOWN", /ci\/base/],
  ["nothing-like-it", "REVISION_UNKNOWN", /varve log/],
  ["abc", "REVISION_UNKNOWN", /./],
  ["0".repeat(40), "REVISION_UNKNOWN", /./],
  ["f".repeat(64), "REVISION_UNKNOWN", /./],
  ["main~5", "REVISION_UNKNOWN", /varve log/],
  ["main^3", "REVISION_UNKNOWN", /./],
  ["v1^", "REVISION_UNKNOWN", /./],
  ["main@{9}", "REVISION_UNKNOWN", /varve log/],
  ["v1@{1}", "REVISION_UNKNOWN", /varve log/],
  ["absent@{0}", "REVISION_UNKNOWN", /./],
  [":/nowhere", "REVISION_UNKNOWN", /varve log/],
  [":/(", "REVISION_UNKNOWN", /backslash/],
  [":/!x", "REVISION_UNKNOWN", /!!/],
  [":/(a{900}b{900}c{900}){2}(d{900}e{900}){2}", "REVISION_UNKNOWN", /./],
  ["mian^{/commit}", "REVISION_UNKNOWN", /Did you mean main\?/],
  ["main^{/nowhere}", "REVISION_UNKNOWN", /varve log/],
  ["v1^{/commit 2}", "REVISION_UNKNOWN", /./],
  ["@", "USAGE", /HEAD/],
  ["@web", "USAGE", /HEAD/],
];

for (const [text, code, hint] of failures) {
  test(`resolveRevision() of ${text.slice(0, 20)} throws ${code} with a hint`, async (t) => {
    const { history } = await subject();
    const error = await t.throwsAsync(resolveRevision(history, text), { instanceOf: VarveError });
    t.is(error?.code, code);
    t.regex(error?.hint ?? "", hint);
    t.regex(error?.message ?? "", /^Cannot [a-z]+ .*: .*[^.]$/);
  });
}

test("resolveRevision() of a prefix that fits two commits throws REVISION_AMBIGUOUS and lists them", async (t) => {
  const { history } = await subject();
  const seen = new Map<string, CommitId>();
  for (let number = 100; ; number += 1) {
    const id = await history.writeCommit(commitDraft(number));
    const other = seen.get(id.slice(0, 4));
    if (other === undefined) seen.set(id.slice(0, 4), id);
    else {
      const error = await t.throwsAsync(resolveRevision(history, id.slice(0, 4)), { instanceOf: VarveError });
      t.is(error?.code, "REVISION_AMBIGUOUS");
      for (const candidate of [id, other]) t.true(error?.hint?.includes(candidate.slice(0, 12)));
      t.true(error?.hint?.includes(`commit ${number}`));
      t.is(await resolveRevision(history, id), id);
      return;
    }
  }
});

test("resolveRevision() in an empty history tells how to make the first commit", async (t) => {
  for (const text of ["HEAD", "main", "HEAD~1"]) {
    const error = await t.throwsAsync(resolveRevision(memoryHistory(), text), { instanceOf: VarveError });
    t.is(error?.code, "REVISION_UNKNOWN");
    t.regex(error?.hint ?? "", /varve commit -m/);
  }
});

test("resolveRevision() of HEAD on a branch without commits names the other branches", async (t) => {
  const { history } = await subject();
  await history.setHead("refs/heads/new" as RefName);
  const error = await t.throwsAsync(resolveRevision(history, "HEAD"), { instanceOf: VarveError });
  t.regex(error?.message ?? "", /branch "new" has no commit yet/);
  t.regex(error?.hint ?? "", /ci\/base/);
});

test("resolveRevision() takes HEAD from its context when that has one", async (t) => {
  const { history, ids } = await subject();
  const head = "refs/heads/ci/base" as RefName;
  t.is(await resolveRevision(history, "HEAD", { head }), ids[1] as CommitId);
  t.is(await resolveRevision(history, "HEAD~1", { head }), ids[0] as CommitId);
  t.is(await resolveRevision(history, "HEAD@{0}", { head }), ids[1] as CommitId);
});

test("resolveRevision() of :/TEXT takes the newest of several, not one that a hidden ref alone leads to", async (t) => {
  const { history, ids, side } = await subject();
  const hidden = await history.writeCommit(commitDraft(70, [side], { message: "needle" }));
  await history.updateRefs([{ name: "refs/varve/saved/2" as RefName, before: undefined, after: hidden }]);
  await t.throwsAsync(resolveRevision(history, ":/needle"), { message: /no commit has such a message/ });
  const older = await history.writeCommit(commitDraft(80, [ids[0] as CommitId], { message: "needle one" }));
  const newer = await history.writeCommit(commitDraft(81, [ids[0] as CommitId], { message: "two\n\nneedle two" }));
  for (const [name, after] of [
    ["a", newer],
    ["b", older],
  ] as const) {
    await history.updateRefs([{ name: `refs/heads/${name}` as RefName, before: undefined, after }]);
  }
  t.is(await resolveRevision(history, ":/needle"), newer);
  t.is(await resolveRevision(history, ":/^needle"), newer);
  t.is(await resolveRevision(history, ":/^needle one$"), older);
});

test("resolveRevision() of :/TEXT ends for an expression made to cost it", async (t) => {
  const history = memoryHistory();
  const after = await history.writeCommit(commitDraft(1, [], { message: `${"a".repeat(50_000)}!` }));
  await history.updateRefs([{ name: "refs/heads/main" as RefName, before: undefined, after }]);
  for (const text of [":/(a+)+$", ":/(a|a)*b", ":/^(a?){20}b"]) await t.throwsAsync(resolveRevision(history, text));
});
