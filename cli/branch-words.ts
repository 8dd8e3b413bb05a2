import { VarveError } from "../core/errors.js";
import type { CommitId, RefName } from "../core/model/ids.js";
import { headOf, type Head } from "../core/operations/targets.js";
import type { Repository } from "../core/ports/repository.js";
import { BRANCHES, isRefName } from "../core/revision/ref-names.js";
import type { Session } from "./command.js";
import { openRepository } from "./open-repository.js";
import { findWordTarget } from "./open-target.js";

export interface OpenedBranch {
  readonly repository: Repository;
  readonly head: Head;
}

/**
 * The branch that a word names: its own name, or that of a container or tracked directory which stands on it. No word: HEAD's.
 *
 * @throws VarveError REVISION_UNKNOWN.
 */
export async function openBranch(session: Session, word: string | undefined): Promise<OpenedBranch> {
  if (word !== undefined) {
    const found = await findWordTarget(session, word);
    if (found !== undefined) return { repository: found.repository, head: await headOf(found.repository, found.target) };
  }
  const repository = await openRepository(session);
  const branch = word === undefined ? await repository.history.head() : await branchNamed(repository, word);
  if (branch === undefined) {
    throw new VarveError("REVISION_UNKNOWN", `Cannot find "${word ?? ""}": no branch or container has that name`, {
      hint: "`varve branch` lists branches, `varve ps -a` containers.",
    });
  }
  return { repository, head: { branch, commit: await repository.history.readRef(branch) } };
}

/** The branch that a word names. @returns `undefined` when there is none. */
export async function branchNamed({ history }: Repository, word: string): Promise<RefName | undefined> {
  const name = word.startsWith("refs/") ? word : BRANCHES + word;
  if (!isRefName(name) || !name.startsWith(BRANCHES)) return undefined;
  return (await history.readRef(name as RefName)) === undefined ? undefined : (name as RefName);
}

/** So many commits before one, along first parents. @returns `undefined` for what the first commit stands on. @throws VarveError USAGE. */
export async function commitBefore({ history }: Repository, from: CommitId, count: number): Promise<CommitId | undefined> {
  let at: CommitId | undefined = from;
  for (let done = 0; done < count; done += 1) {
    if (at === undefined) {
      throw new VarveError("USAGE", `Cannot go ${count} commits back: there ${done === 1 ? "is only one" : `are only ${done}`}`);
    }
    at = (await history.readCommit(at)).parents[0];
  }
  return at;
}
