import { VarveError } from "../../core/errors.js";
import { RISKS } from "../../core/model/file-risks.js";
import { checkRules, type Rules } from "../../core/operations/check-rules.js";
import { parseSide } from "../../core/operations/sides.js";
import { command, type Command, type OptionValues } from "../command.js";
import { RULES_BROKEN } from "../exit-status.js";
import { openMaintenance, openRepository } from "../open-repository.js";
import { bytesOf, countOf, shareOf } from "../option-values.js";
import { printJson } from "../render/json-array.js";
import { counted } from "../render/quantities.js";
import { brokenRulesText, checkJson } from "../render/rule-results.js";

const options = {
  "max-added": {
    type: "string",
    value: "SIZE",
    describe: "New files, and files with another content, have at most SIZE, such as 50m",
  },
  "max-waste": {
    type: "string",
    value: "PERCENT",
    describe: "At most that share of the commit's contents was written and then replaced or deleted, as du tells, such as 5%",
  },
  "max-size": { type: "string", value: "SIZE", describe: "All files of the tree have at most SIZE" },
  "max-paths": { type: "string", value: "N", describe: "The tree has at most N paths" },
  "forbid-setuid": { type: "boolean", describe: "No file with the setuid bit" },
  "forbid-setgid": { type: "boolean", describe: "No file with the setgid bit" },
  "forbid-capabilities": { type: "boolean", describe: "No file with capabilities (setcap)" },
  "forbid-world-writable": {
    type: "boolean",
    describe: "No path that everybody may write to, but sticky directories such as /tmp",
  },
  "forbid-devices": { type: "boolean", describe: "No device nodes" },
  against: {
    type: "string",
    value: "REV",
    describe: "Look at what changed since REV (default: the first parent; for live trees HEAD)",
  },
  all: { type: "boolean", alias: "a", describe: "Let --forbid rules look at the whole tree, not at what changed alone" },
} as const;

export const checkCommand: Command = command(
  {
    name: "check",
    form: "[REV] [rules]",
    summary: "Tell whether a commit or live tree keeps rules: a gate for CI",
    description: `Looks at what REV (default: HEAD) changed against its first parent, and tells each path that breaks a rule. REV may be
@, the tracked directory as it is, or @NAME, a container. Sizes are those of the files' data: holes don't count, and an inode with several
names counts once.`,
    words: [{ name: "REV", required: false }],
    options,
    examples: [
      ["varve check ci --max-added 50m --max-waste 5%", "a build that must stay small"],
      ["varve check ci --against base --forbid-setuid --forbid-world-writable", "all that a build changed since base"],
      ["varve check --all --forbid-devices @web", "a container's whole tree as it is"],
    ],
    statuses: [
      ["0", "all rules hold"],
      ["1", "a rule is broken"],
      ["20", "no such revision"],
    ],
  },
  async ({ words: [word = "HEAD"], options: given, session }) => {
    const rules = rulesOf(given);
    const repository = await openRepository(session);
    const side = await parseSide(repository, word);
    const against = given.against === undefined ? undefined : await parseSide(repository, given.against);
    const { meter } = await openMaintenance(repository);
    const result = await checkRules(repository, meter, { side, against, all: given.all, rules });
    const broken = result.results.filter(({ holds }) => !holds).length;
    const { terminal, json } = session;
    if (json) printJson(terminal, checkJson(result));
    else {
      terminal.print(brokenRulesText(result, terminal));
      const looked = `${counted(result.looked, given.all ? "path" : "changed path")} looked at`;
      const total = counted(result.results.length, "rule");
      terminal.say(broken === 0 ? `${word} keeps ${total}; ${looked}.` : `${word} breaks ${broken} of ${total}; ${looked}.`);
    }
    return broken === 0 ? 0 : RULES_BROKEN;
  },
);

/** @throws VarveError USAGE. */
function rulesOf(given: OptionValues<typeof options>): Rules {
  const read = <T>(
    option: keyof typeof options & `max-${string}`,
    reader: (option: string, text: string) => T,
  ): T | undefined => {
    const text = given[option];
    return text === undefined ? undefined : reader(`--${option}`, text);
  };
  const rules = {
    maxAddedBytes: read("max-added", sizeOf),
    maxWaste: read("max-waste", shareOf),
    maxSizeBytes: read("max-size", sizeOf),
    maxPaths: read("max-paths", countOf),
    forbidden: RISKS.filter((risk) => given[`forbid-${risk}`]),
  };
  const { forbidden, ...limits } = rules;
  if (forbidden.length > 0 || Object.values(limits).some((limit) => limit !== undefined)) return rules;
  throw new VarveError("USAGE", "Cannot check anything: no rule is given", {
    hint: "Give one or more, such as --max-added SIZE or --forbid-setuid: `varve check --help` lists them.",
  });
}

/** "Nothing may be added" is a rule, too. */
function sizeOf(option: string, text: string): number {
  return text === "0" ? 0 : bytesOf(option, text);
}
