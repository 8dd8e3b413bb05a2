import { branchRef } from "../../core/revision/ref-names.js";
import { command, type Command } from "../command.js";
import { namedRefs, REF_FORM, REF_OPTIONS, REF_WORDS, type RefKind } from "../named-refs.js";

const BRANCHES: RefKind = {
  word: "branch",
  prefix: "refs/heads/",
  ref: branchRef,
  mark: async ({ containers, history, worktree }) => {
    const head = worktree === undefined ? undefined : await history.head();
    const holders = new Map(containers.list().map(({ record }) => [record.branch, record.name]));
    return ({ name }) => {
      const current = name === head;
      return { text: current ? "* " : "  ", json: { current, container: holders.get(name) ?? null } };
    };
  },
};

export const branchCommand: Command = command(
  {
    name: "branch",
    form: REF_FORM,
    summary: "List, make or delete branches",
    description: `Without NAME, lists the branches; * marks the one that the tracked directory stands on. With NAME, makes it at REV
(default: HEAD). A branch under a container or the tracked directory is neither moved nor deleted.`,
    words: REF_WORDS,
    options: REF_OPTIONS,
    examples: [
      ["varve branch", "list"],
      ["varve branch try main~1", "a branch at an older commit"],
      ["varve branch -d try old", "and gone, with another one"],
    ],
    statuses: [
      ["30", "there is one of that name"],
      ["31", "a container or directory stands on it"],
    ],
  },
  async (invocation) => namedRefs(BRANCHES, invocation),
);
