import test from "ava";
import { COMMANDS } from "../../../cli/command-table.js";
import { answerText } from "../../../cli/completion/answer-shell.js";
import { beginningWith, completeWords, NOTHING, type FindNames } from "../../../cli/completion/complete-words.js";
import { kindOf } from "../../../cli/completion/word-kinds.js";
import { GLOBAL_OPTIONS } from "../../../cli/global-options.js";

/** Tells what was asked for. */
const findNames: FindNames = async (kind, current, store) => ({
  ...NOTHING,
  candidates: beginningWith(current, [{ value: `${current}${kind}`, description: store ?? "" }]),
});

async function valuesOf(...words: string[]): Promise<string> {
  const { candidates, files } = await completeWords(words, findNames);
  return [...candidates.map(({ value }) => value), ...(files === "none" ? [] : [`<${files}>`])].join(" ");
}

for (const [typed, wanted] of [
  [["stat"], "status stats"],
  [["resto"], "restore"],
  [["--json", "umo"], "umount"],
  [["--st"], "--store"],
  [["--store", ""], "<directories>"],
  [["--store", "x", "statu"], "status"],
  [["help", "checko"], "checkout"],
  [["no-such", ""], ""],
  [["diff", ""], "side"],
  [["diff", "a", "b", ""], ""],
  [["diff", "--name-s"], "--name-status"],
  [["diff", "--", "e"], "<files>"],
  [["history", "-n", ""], ""],
  [["history", "-n", "3", ""], "revision"],
  [["run", "-b", "m"], "mbranch"],
  [["run", "-b=x", "m"], "mrevision"],
  [["run", "--branch=m"], "--branch=mbranch"],
  [["run", "--network", "h"], "host"],
  [["run", "--network", "s"], "slirp4netns"],
  [["run", "--network="], "--network=none --network=host --network=bridge --network=pasta --network=slirp4netns"],
  [["run", "--rm", "main", ""], "<files>"],
  [["run", "main", "--", "l"], "<files>"],
  [["run", "--no-such", ""], "revision"],
  [["rm", "-f", "a", "b", ""], "container"],
  [["ls", "main:/e"], "main:/etree-path"],
  [["--at-op", ""], "operation"],
  [["undo", ""], "operation"],
  [["commit", "-m", ""], ""],
  [["checkout", "main", ""], "<directories>"],
  [["completion", "f"], "fish"],
  [["switch", "n"], "ntarget nbranch"],
  [["merge", "n"], "ntarget nrevision"],
  [["merge", "web", ""], "revision"],
  [["branch", "-d", "n"], "nbranch"],
  [["tag", "-d", "v"], "vtag"],
] as const) {
  test(`varve ${typed.join(" ")}<TAB>`, async (t) => {
    t.is(await valuesOf(...typed), wanted);
  });
}

test("names are looked for in the store that was named", async (t) => {
  for (const words of [
    ["--store", "/s", "log", ""],
    ["--store=/s", "log", ""],
    ["log", "--store", "/s", ""],
  ]) {
    const { candidates } = await completeWords(words, findNames);
    t.deepEqual(candidates, [{ value: "revision", description: "/s" }]);
  }
});

test("what each word and value of each command may be is known", async (t) => {
  const names = Object.values(GLOBAL_OPTIONS).flatMap((option) => ("value" in option ? [option.value] : []));
  for (const { load } of Object.values(COMMANDS)) {
    const { words, options } = await load();
    names.push(...(words.map(({ name }) => name) as typeof names));
    for (const option of Object.values(options)) if (option.value !== undefined) names.push(option.value as (typeof names)[0]);
  }
  t.deepEqual([...new Set(names.filter((name) => kindOf(name) === undefined))], []);
});

test("a name of two lines is not offered", (t) => {
  const candidates = ["a\nb", "a\tb", "ab"].map((value) => ({ value, description: "d" }));
  t.is(answerText({ candidates, files: "none", isOpen: true }), "none open\nab\td\n");
});
