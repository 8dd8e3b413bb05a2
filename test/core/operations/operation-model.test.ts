import test from "ava";
import fc from "fast-check";
import { VarveError } from "../../../core/errors.js";
import type { CommitId, RefName } from "../../../core/model/ids.js";
import { repositoryAtOperation } from "../../../core/operations/at-operation.js";
import { createRef, deleteRefs, renameBranch, setUpstream } from "../../../core/operations/branches.js";
import { operationStates } from "../../../core/operations/operation-states.js";
import { restoreOperation } from "../../../core/operations/restore-operation.js";
import { switchBranch } from "../../../core/operations/switch-branch.js";
import { redoOperation, undoOperation } from "../../../core/operations/undo-operation.js";
import type { Operation } from "../../../core/ports/operation-log.js";
import type { Repository } from "../../../core/ports/repository.js";
import { BRANCHES, TAGS } from "../../../core/revision/ref-names.js";
import { memoryHistory } from "../../../store/memory/memory-history.js";
import { memoryOperationLog } from "../../../store/memory/memory-operation-log.js";
import { memoryProgress } from "../../../store/memory/memory-progress.js";
import { commitDraft } from "../../helpers/commit-drafts.js";

const NAMES = ["refs/heads/main", "refs/heads/a", "refs/heads/b", "refs/tags/v"] as RefName[];
const COMMITS = 3;

/** Refs, HEAD and upstreams without a disk. Layers are taken to be there; what touches a tree is tested on real ones. */
async function refRepository(): Promise<{ repository: Repository; commits: readonly CommitId[] }> {
  const history = memoryHistory();
  const commits: CommitId[] = [];
  for (let number = 0; number < COMMITS; number += 1) commits.push(await history.writeCommit(commitDraft(number)));
  const repository = {
    history,
    operations: memoryOperationLog(),
    inProgress: memoryProgress(),
    layers: { has: () => true },
    containers: { list: () => [] },
    worktree: undefined,
    exclusively: async (work: () => Promise<unknown>) => work(),
  } as unknown as Repository;
  await createRef(repository, NAMES[0]!, commits[0]!, { command: "first" });
  return { repository, commits };
}

type Step =
  | { readonly kind: "make" | "tag" | "rename" | "upstream"; readonly name: number; readonly other: number }
  | { readonly kind: "delete" | "switch"; readonly name: number }
  | { readonly kind: "undo" | "redo" }
  | { readonly kind: "undo-at" | "restore"; readonly place: number };

const name = fc.nat(NAMES.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("make", "tag", "rename", "upstream"), name, other: name }),
  fc.record({ kind: fc.constantFrom("delete", "switch"), name }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("undo", "redo") }) },
  fc.record({ kind: fc.constantFrom("undo-at", "restore"), place: fc.nat(12) }),
);

async function perform({ repository, commits }: Awaited<ReturnType<typeof refRepository>>, one: Step): Promise<void> {
  const command = JSON.stringify(one);
  const ref = "name" in one ? NAMES[one.name]! : NAMES[0]!;
  const other = "other" in one ? NAMES[one.other]! : NAMES[0]!;
  const commit = commits["other" in one ? one.other % COMMITS : 0]!;
  switch (one.kind) {
    case "make":
      await createRef(repository, ref, commit, { command, force: true });
      return;
    case "tag":
      await createRef(repository, NAMES[3]!, commit, { command, force: true, annotation: `about ${one.name}` });
      return;
    case "delete":
      await deleteRefs(repository, [ref], { command, force: true });
      return;
    case "rename":
      await renameBranch(repository, ref, other, { command, force: true });
      return;
    case "upstream":
      return setUpstream(repository, ref, ref === other ? undefined : other, { command });
    case "switch":
      await switchBranch(repository, DIRECTORY, ref, { command, create: { start: undefined } });
      return;
    case "undo":
      await undoOperation(repository, { command });
      return;
    case "redo":
      await redoOperation(repository, { command });
      return;
    case "undo-at":
      await undoOperation(repository, { command, operation: `@{${one.place}}` });
      return;
    case "restore":
      await restoreOperation(repository, `@{${one.place}}`, { command });
      return;
  }
}

/** A switch to a new branch without a commit of its own touches no file. */
const DIRECTORY = { kind: "directory", worktree: undefined } as unknown as Parameters<typeof switchBranch>[1];

/** All that operations may change here, as text. */
async function stateOf({ history }: Repository): Promise<string> {
  const refs = [];
  for (const prefix of [BRANCHES, TAGS]) {
    for (const { name: ref, commit } of await history.listRefs(prefix))
      refs.push([ref, commit, (await history.readTag(ref))?.id, await history.upstream(ref)]);
  }
  return JSON.stringify({ head: await history.head(), refs });
}

async function operationsOf({ operations }: Repository): Promise<Operation[]> {
  const all: Operation[] = [];
  for await (const operation of operations.list()) all.push(operation);
  return all;
}

const REFUSALS = ["NOTHING_TO_UNDO", "CONFLICT", "OPERATION_UNKNOWN", "REVISION_UNKNOWN", "BRANCH_BUSY", "NAME_TAKEN"];

test("each operation can be looked at and gone back to, whatever came after; undo, redo and restore lead where the log says", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const fixture = await refRepository();
      const { repository } = fixture;
      /** By operation's id: what stood right after it. */
      const states = new Map<string, string>([["root", '{"head":"refs/heads/main","refs":[]}']]);
      const note = async (): Promise<void> => {
        const [newest] = await operationsOf(repository);
        const state = await stateOf(repository);
        // Whatever changes is logged, and what is logged is what changed.
        if (newest !== undefined && states.has(newest.id)) t.is(state, states.get(newest.id)!);
        else states.set(newest?.id ?? "root", state);
      };
      await note();
      for (const one of steps) {
        const before = await stateOf(repository);
        try {
          await perform(fixture, one);
        } catch (error) {
          if (!(error instanceof VarveError) || !REFUSALS.includes(error.code)) throw error;
          t.is(await stateOf(repository), before, "what is refused changes nothing");
        }
        await note();
      }
      const all = await operationsOf(repository);
      for (const { id } of [...all, { id: "root" }])
        t.is(await stateOf(await repositoryAtOperation(repository, id)), states.get(id)!, id);
      const now = await stateOf(repository);
      for (const { id } of all) {
        const { restored } = await restoreOperation(repository, id, { command: "restore" });
        t.is(await stateOf(repository), states.get(id)!);
        if (restored === undefined) continue;
        await undoOperation(repository, { command: "undo" });
        t.is(await stateOf(repository), now, "a restore is undone as a whole");
      }
    }),
    { numRuns: 150 },
  );
});

test("undo until nothing is left leads to the beginning, and as many redos lead back", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      const fixture = await refRepository();
      const { repository } = fixture;
      for (const one of steps.filter(({ kind }) => !["undo-at", "restore", "redo"].includes(kind))) {
        await perform(fixture, one).catch((error: unknown) => {
          if (!(error instanceof VarveError)) throw error;
        });
      }
      const full = await stateOf(repository);
      let undone = 0;
      for (; ; undone += 1) {
        const error = await undoOperation(repository, { command: "undo" }).then(
          () => undefined,
          (failure: unknown) => failure as VarveError,
        );
        if (error === undefined) continue;
        t.is(error.code, "NOTHING_TO_UNDO", error.message);
        break;
      }
      t.is(await stateOf(repository), '{"head":"refs/heads/main","refs":[]}');
      for (; undone > 0; undone -= 1) await redoOperation(repository, { command: "redo" });
      t.is(await stateOf(repository), full);
    }),
    { numRuns: 150 },
  );
});

test("operationStates() tells in one pass what is in effect, however often it was taken back", async (t) => {
  const log = memoryOperationLog();
  const { id } = await log.append({ command: "a", refs: [], trees: [] });
  let last = id;
  for (let times = 0; times < 5; times += 1) {
    const live: boolean[] = [];
    for await (const state of operationStates(log)) live.push(state.live);
    t.is(live.at(-1), times % 2 === 0, `after ${times}`);
    last = (await log.append({ command: "undo", refs: [], trees: [], undoes: last, kind: "undo" })).id;
  }
});
