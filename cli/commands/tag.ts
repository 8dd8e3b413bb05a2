import { tagRef } from "../../core/revision/ref-names.js";
import { command, type Command } from "../command.js";
import { namedRefs, REF_FORM, REF_OPTIONS, REF_WORDS, type RefKind } from "../named-refs.js";

const TAGS: RefKind = {
  word: "tag",
  prefix: "refs/tags/",
  ref: tagRef,
  mark: async () => () => ({ text: "", json: {} }),
};

export const tagCommand: Command = command(
  {
    name: "tag",
    form: REF_FORM,
    summary: "List, make or delete tags",
    description: `Without NAME, lists the tags. With NAME, makes a name for REV (default: HEAD) that stays where it is.`,
    words: REF_WORDS,
    options: REF_OPTIONS,
    examples: [
      ["varve tag v1", "name the last commit"],
      ["varve tag v0 main~3", "name an older one"],
      ["varve tag -d v0", "delete the name; the commit stays"],
    ],
    statuses: [["30", "there is one of that name"]],
  },
  async (invocation) => namedRefs(TAGS, invocation),
);
