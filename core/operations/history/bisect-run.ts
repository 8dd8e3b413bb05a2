import { VarveError } from "../../errors.js";
import type { CommitId } from "../../model/ids.js";
import type { ProcessResult } from "../../ports/containers.js";
import type { Progress } from "../../ports/work-in-progress.js";
import type { Repository } from "../../ports/repository.js";
import type { Answer, ParentMap } from "../../bisect/choose-candidate.js";
import {
  BISECT_SLOT,
  progressOf,
  questionOf,
  stateOf,
  withJudgement,
  type BisectState,
  type Verdict,
} from "../../bisect/bisect-state.js";
import { unheard } from "../../yield-to-signals.js";
import { decide, progressOrThrow, withCandidate, type BisectStatus } from "./bisect.js";
import { inPassingContainer, type PassingConfiguration } from "../passing-container.js";

/** One commit that was tried. */
export interface BisectStep {
  readonly commit: CommitId;
  readonly verdict: Verdict;
  readonly exitCode: number;
  readonly durationMilliseconds: number;
}

export interface BisectRunOptions {
  /** Of each step's throw-away container. */
  readonly configuration: PassingConfiguration;
  readonly command: string;
  /** Called before a step. @param number From 1. */
  readonly before?: (candidate: Extract<Answer, { kind: "candidate" }>, number: number) => Promise<void>;
  readonly after?: (step: BisectStep) => void;
}

export interface BisectRun {
  readonly status: BisectStatus;
  readonly steps: readonly BisectStep[];
}

/**
 * Tries candidate after candidate, each on a throw-away container, until the first bad commit is known or all are skipped. What each step
 * found is kept at once; all steps together are one operation, which one `undo` takes back, be it that the run was ended half-way.
 *
 * @throws VarveError NOTHING_IN_PROGRESS; USAGE while a bad or a good commit is missing; BISECT_ABORTED when a process ends with 128 or more;
 *   CONFLICT when another command changed the bisection meanwhile; INTERRUPTED.
 */
export async function runBisection(repository: Repository, options: BisectRunOptions): Promise<BisectRun> {
  const begun = await repository.exclusively(async () => progressOrThrow(repository));
  const search = new Search(repository, begun);
  try {
    return await search.run(options);
  } finally {
    await unheard(() => recordRun(repository, begun, search.kept, options.command));
  }
}

class Search {
  readonly #repository: Repository;
  readonly #steps: BisectStep[] = [];
  #parents: ParentMap | undefined;
  #hasProgram = false;
  /** What the store holds of it. */
  kept: Progress;

  constructor(repository: Repository, begun: Progress) {
    this.#repository = repository;
    this.kept = begun;
  }

  async run(options: BisectRunOptions): Promise<BisectRun> {
    for (;;) {
      const state = stateOf(this.kept);
      const answer = await this.#decide(state);
      if (answer.kind === "waiting") throw incomplete();
      if (answer.kind !== "candidate") return { status: { state: withCandidate(state, answer), answer }, steps: this.#steps };
      await options.before?.(answer, this.#steps.length + 1);
      const step = await this.#try(answer.commit, options);
      await this.#keep(withJudgement(state, step));
      this.#steps.push(step);
      options.after?.(step);
    }
  }

  async #decide(state: BisectState): Promise<BisectStatus["answer"]> {
    const { answer, parents } = await decide(this.#repository.history, state, this.#parents);
    this.#parents = parents;
    return answer;
  }

  async #try(commit: CommitId, options: BisectRunOptions): Promise<BisectStep> {
    const { exitCode, durationMilliseconds } = await this.#process(commit, options);
    if (exitCode >= 128) throw aborted(commit, exitCode);
    if (exitCode === 126 || exitCode === 127) await this.#requireProgram(options);
    return { commit, verdict: verdictOf(exitCode), exitCode, durationMilliseconds };
  }

  async #process(commit: CommitId, { configuration }: BisectRunOptions): Promise<ProcessResult> {
    const passing = { base: async () => commit, word: "bisect", configuration };
    try {
      return await inPassingContainer(this.#repository, passing, async (_record, result) => result);
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
      if (error.code === "COMMAND_NOT_FOUND") return { exitCode: 127, durationMilliseconds: 0 };
      if (error.code === "COMMAND_NOT_EXECUTABLE") return { exitCode: 126, durationMilliseconds: 0 };
      throw error;
    }
  }

  /** A command that a good commit lacks too says nothing of the others: its name may be misspelt. Tried once. */
  async #requireProgram(options: BisectRunOptions): Promise<void> {
    const good = questionOf(stateOf(this.kept))?.good.at(-1);
    if (this.#hasProgram || good === undefined) return;
    const { exitCode } = await this.#process(good, options);
    if (exitCode === 126 || exitCode === 127)
      throw noProgram(options.configuration("", undefined).command[0] ?? "", good, exitCode);
    this.#hasProgram = true;
  }

  /** As long as the bisection is still the one that this run knows. */
  async #keep(state: BisectState): Promise<void> {
    const next = progressOf(withCandidate(state, await this.#decide(state)));
    await this.#repository.exclusively(async () => {
      requireUnchanged(this.#repository, this.kept);
      this.#repository.inProgress.write(BISECT_SLOT, next);
      this.kept = next;
    });
  }
}

/** As git-bisect: 125 is "can't be tested", 126 and 127, a command that can't be executed or found in that tree, are bad. */
function verdictOf(exitCode: number): Verdict {
  if (exitCode === 0) return "good";
  return exitCode === 125 ? "skip" : "bad";
}

function isKept({ inProgress }: Repository, known: Progress): boolean {
  return JSON.stringify(inProgress.read(BISECT_SLOT)) === JSON.stringify(known);
}

function requireUnchanged(repository: Repository, known: Progress): void {
  if (isKept(repository, known)) return;
  throw new VarveError("CONFLICT", "Cannot keep what the step found: another command changed the bisection meanwhile", {
    hint: "`varve bisect` shows where it stands now.",
  });
}

/** The store has it already, step by step: this is for `undo`, unless another command has gone on from there. */
async function recordRun(repository: Repository, before: Progress, after: Progress, command: string): Promise<void> {
  if (before === after) return;
  await repository.exclusively(async () => {
    if (!isKept(repository, after)) return;
    const progress = [{ slot: BISECT_SLOT, before, after }];
    await repository.operations.append({ command, refs: [], trees: [], progress });
  });
}

function incomplete(): VarveError {
  return new VarveError("USAGE", "Cannot run a bisection: it needs a bad commit and a good one", {
    hint: "Say which they are: varve bisect bad REV, varve bisect good REV",
  });
}

function aborted(commit: CommitId, exitCode: number): VarveError {
  return new VarveError(
    "BISECT_ABORTED",
    `Cannot go on with the bisection: on "${commit.slice(0, 12)}" the command ended with ${exitCode}, wanted less than 128`,
    {
      hint: "It should end with 0 on a good commit, 1 to 127 on a bad one, 125 where it can't tell; 128 + n is signal n. What was found before is kept.",
    },
  );
}

function noProgram(program: string, good: CommitId, exitCode: number): VarveError {
  const state = exitCode === 127 ? "is not found" : "can't be executed";
  return new VarveError(
    "BISECT_ABORTED",
    `Cannot run "${program}" in the bisection: it ${state} on the good commit "${good.slice(0, 12)}" either`,
    {
      hint: "Is it misspelt? It runs in the commit's own tree: show it a script of this machine with -v SRC:DST:ro.",
    },
  );
}
