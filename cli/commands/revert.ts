import { command, type Command } from "../command.js";
import { MAINLINE_OPTION, pick, PICK_FORM, PICK_WORDS } from "../pick-words.js";
import { REPLAY_OPTIONS, REPLAY_STATUSES } from "../replay-options.js";

export const revertCommand: Command = command(
  {
    name: "revert",
    form: PICK_FORM,
    summary: "Take the changes of commits back, as new commits",
    description: `Takes what each REV changed against its parent back on TARGET's branch, as a new commit, by a three-way merge: what came
after it stays. REV is a commit or a range A..B, of which the newest comes first. TARGET is a container, which must not run, or a tracked
directory's path. Where there are conflicts it stops (status 1), and "varve status" lists them: resolve them, then --continue. What is not
committed is kept, when nothing touches it.`,
    words: PICK_WORDS,
    options: { mainline: MAINLINE_OPTION, ...REPLAY_OPTIONS },
    examples: [
      ["varve revert HEAD~2", "what the commit before the last two changed"],
      ["varve revert web v1..HEAD", "all since v1 in the container web, commit by commit"],
      ["varve revert -m 1 HEAD", "what a merge brought in"],
    ],
    statuses: [...REPLAY_STATUSES, ["20", "no such revision"]],
  },
  async ({ words, options, session }) => pick("revert", { words, options, session }),
);
