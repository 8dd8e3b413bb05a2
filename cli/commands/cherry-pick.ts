import { command, type Command } from "../command.js";
import { MAINLINE_OPTION, pick, PICK_FORM, PICK_WORDS } from "../pick-words.js";
import { REPLAY_OPTIONS, REPLAY_STATUSES } from "../replay-options.js";

export const cherryPickCommand: Command = command(
  {
    name: "cherry-pick",
    form: PICK_FORM,
    summary: "Make the changes of commits once more",
    description: `Makes what each REV changed against its parent once more on TARGET's branch, as a new commit with the same author and
message, by a three-way merge as "varve merge" does it. REV is a commit or a range A..B. TARGET is a container, which must not run, or a
tracked directory's path. What changes nothing is left out, and it says so. Where there are conflicts it stops (status 1), and "varve
status" lists them: resolve them, then --continue. What is not committed is kept, when nothing touches it. All of it is one operation
for "varve undo".`,
    words: PICK_WORDS,
    options: {
      mainline: MAINLINE_OPTION,
      ...REPLAY_OPTIONS,
      x: { type: "boolean", alias: "x", describe: "add a line to messages that says which commit was picked" },
    },
    examples: [
      ["varve cherry-pick fix", "the last commit of branch fix"],
      ["varve cherry-pick web main~3..main", "the last three of main, into the container web"],
      ["varve cherry-pick -m 1 release", "what the merge release brought into its first parent"],
      ["varve cherry-pick --abort", "back to what was before"],
    ],
    statuses: [...REPLAY_STATUSES, ["20", "no such revision"]],
  },
  async ({ words, options, session }) => pick("cherry-pick", { words, options, session }, options.x),
);
