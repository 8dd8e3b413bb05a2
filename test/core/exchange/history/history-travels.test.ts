import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import test from "ava";
import type { CommitId } from "../../../../core/model/ids.js";
import type { Repository } from "../../../../core/ports/repository.js";
import { NAMED } from "../../../../core/revision/ref-names.js";
import type { DescribedEntry } from "../../../contracts/described-tree.js";
import { arbitraryTree } from "../../../helpers/arbitrary-tree.js";
import { bundleTo, commitDescribed, emptyRepository, fsck, setBranch, takeBundle } from "../../../helpers/travelling-history.js";

interface Step {
  readonly tree: readonly DescribedEntry[];
  /** Counted back from the commit. */
  readonly parents: readonly number[];
  readonly branch: string | undefined;
}

const DEVICE: DescribedEntry = { path: "null", type: "character", major: 1, minor: 3, mode: 0o666 };

const step: fc.Arbitrary<Step> = fc.record({
  tree: fc.oneof(
    arbitraryTree,
    arbitraryTree.map((entries) => [...entries, DEVICE]),
  ),
  parents: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 }),
  branch: fc.option(fc.constantFrom("a", "b", "deep/er"), { nil: undefined }),
});

async function write(
  repository: Repository,
  steps: readonly Step[],
  before: readonly CommitId[] = [],
): Promise<readonly CommitId[]> {
  const ids = [...before];
  for (const { tree, parents, branch } of steps) {
    const known = parents.map((back) => ids[ids.length - back]).filter((id) => id !== undefined);
    const id = await commitDescribed(repository, tree, known, `number ${ids.length} é`);
    ids.push(id);
    if (branch !== undefined) await setBranch(repository, branch, id);
  }
  await setBranch(repository, "main", ids.at(-1)!);
  return ids;
}

const refsOf = async ({ history }: Repository): Promise<unknown> => Promise.all(NAMED.map((prefix) => history.listRefs(prefix)));

const imageOf = (repository: Repository, layer: string): Buffer =>
  readFileSync(path.join(repository.path, "layers/sha256", layer));

async function requireSame(from: Repository, to: Repository, tips: readonly CommitId[]): Promise<void> {
  const seen = new Set(tips);
  for (const id of seen) {
    const commit = await from.history.readCommit(id);
    const there = await to.history.readCommit(id);
    if (JSON.stringify(commit) !== JSON.stringify(there)) throw new RangeError(`commit ${id} differs`);
    if (!imageOf(from, commit.layer).equals(imageOf(to, commit.layer))) throw new RangeError(`layer ${commit.layer} differs`);
    for (const parent of commit.parents) seen.add(parent);
  }
}

test("any history is the same in another store: commits, layers, branches; at once, and in two parts", async (t) => {
  const steps = fc.array(step, { minLength: 1, maxLength: 6 });
  const property = fc.asyncProperty(steps, steps, async (first, second) => {
    const [from, whole, parts] = [await emptyRepository(t), await emptyRepository(t), await emptyRepository(t)];
    const early = await write(from, first);
    await setBranch(from, "old", early.at(-1)!);
    await takeBundle(parts, await bundleTo(t, from));
    const ids = await write(from, second, early);
    await takeBundle(whole, await bundleTo(t, from));
    // What no branch leads to any more stays behind: another history may stand on it.
    const names = ["a", "b", "deep/er", "main", "old"];
    const there = (await Promise.all(names.map(async (name) => from.history.readRef(`refs/heads/${name}` as never)))).map(
      (id) => id !== undefined,
    );
    const branches = names.filter((_, index) => there[index]);
    await takeBundle(parts, await bundleTo(t, from, [...branches, "^old"]), undefined, true);
    const tips = [ids.at(-1)!];
    for (const to of [whole, parts]) {
      await requireSame(from, to, tips);
      if (JSON.stringify(await refsOf(from)) !== JSON.stringify(await refsOf(to))) throw new RangeError("refs differ");
      const findings = await fsck(to);
      if (findings.length > 0) throw new RangeError(JSON.stringify(findings));
      execFileSync("git", ["fsck", "--strict", "--full"], { cwd: path.join(to.path, "git"), stdio: "pipe" });
    }
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: 8, endOnFailure: true, includeErrorInReport: true }));
});

const ROOT: DescribedEntry = { path: "", type: "directory" };
const file = (name: string, content: string): DescribedEntry => ({ path: name, type: "file", content });

test("the same commits give the same bytes", async (t) => {
  const repository = await emptyRepository(t);
  const first = await commitDescribed(repository, [ROOT, file("a", "x".repeat(9000))]);
  await setBranch(repository, "main", await commitDescribed(repository, [ROOT, file("a", "y")], [first]));
  const [one, two] = [await bundleTo(t, repository), await bundleTo(t, repository)];
  t.deepEqual(readFileSync(one), readFileSync(two));
});

test("a layer that borrows from another branch takes that one's layer along, once", async (t) => {
  const repository = await emptyRepository(t);
  const big = "b".repeat(50_000);
  await setBranch(repository, "other", await commitDescribed(repository, [ROOT, file("secret", "s"), file("big", big)]));
  await setBranch(repository, "main", await commitDescribed(repository, [ROOT, file("mine", big)]));
  const other = await emptyRepository(t);
  const taken = await takeBundle(other, await bundleTo(t, repository, ["main"]));
  t.is(taken.layers, 2);
  t.is(taken.commits, 1);
  t.deepEqual(await fsck(other), []);
  // Its layers may lend to what comes later.
  await setBranch(
    repository,
    "main",
    await commitDescribed(
      repository,
      [ROOT, file("mine", big), file("a", "1")],
      [(await repository.history.readRef("refs/heads/main" as never))!],
    ),
  );
  t.is((await takeBundle(other, await bundleTo(t, repository, ["main"]))).layers, 1);
  t.deepEqual(await fsck(other), []);
});

test("refs move by git's rules", async (t) => {
  const [from, to] = [await emptyRepository(t), await emptyRepository(t)];
  const first = await commitDescribed(from, [ROOT]);
  for (const name of ["same", "forward", "diverged"]) await setBranch(from, name, first);
  await takeBundle(to, await bundleTo(t, from));
  const second = await commitDescribed(from, [ROOT, file("a", "1")], [first]);
  const third = await commitDescribed(from, [ROOT, file("a", "2")], [first]);
  for (const [name, id] of [
    ["forward", second],
    ["diverged", third],
    ["new", second],
  ] as const)
    await setBranch(from, name, id);
  await setBranch(to, "diverged", await commitDescribed(to, [ROOT, file("own", "")], [first]));
  const outcomes = async (force: boolean): Promise<unknown> =>
    (await takeBundle(to, await bundleTo(t, from), undefined, force)).refs.map(({ name, outcome, reason }) => [
      name.slice(11),
      outcome,
      reason,
    ]);
  const wanted = [
    ["diverged", "rejected", "non-fast-forward"],
    ["forward", "forward", undefined],
    ["new", "new", undefined],
    ["same", "same", undefined],
  ];
  t.deepEqual(await outcomes(false), wanted);
  t.is(await to.history.readRef("refs/heads/forward" as never), second);
  t.deepEqual(await outcomes(true), [
    ["diverged", "forced", undefined],
    ["forward", "same", undefined],
    ["new", "same", undefined],
    ["same", "same", undefined],
  ]);
  t.is(await to.history.readRef("refs/heads/diverged" as never), third);
});
