import type { CommitDraft } from "../../core/model/commit.js";
import { parseLayerId, parseTreeId, type CommitId, type RefName } from "../../core/model/ids.js";
import type { History } from "../../core/ports/history.js";

/** What commits of tests hold: layer N is N in hex. */
export function commitDraft(number: number, parents: readonly CommitId[] = [], changes: Partial<CommitDraft> = {}): CommitDraft {
  const hex = number.toString(16).padStart(64, "0");
  return {
    layer: parseLayerId(hex),
    tree: parseTreeId(hex),
    added: number,
    modified: 0,
    deleted: 0,
    storedBytes: 4096,
    parents,
    author: { name: "Ada", email: "ada@example.org", seconds: 900_000_000 + number, offsetMinutes: 120 },
    message: `commit ${number}`,
    ...changes,
  };
}

/** Commits 1 to `count` on a branch, each the parent of the next. @returns Their ids, oldest first. */
export async function commitChain(history: History, count: number, branch = "refs/heads/main"): Promise<CommitId[]> {
  const ids: CommitId[] = [];
  for (let number = 1; number <= count; number += 1) {
    const before = ids.at(-1);
    const after = await history.writeCommit(commitDraft(number, before === undefined ? [] : [before]));
    await history.updateRefs([{ name: branch as RefName, before, after }], `commit: commit ${number}`);
    ids.push(after);
  }
  return ids;
}
