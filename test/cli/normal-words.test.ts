import test from "ava";
import { normalWords, type Grammar } from "../../cli/normal-words.js";
import { VarveError } from "../../core/errors.js";

const options = {
  branch: { type: "string", alias: "b", describe: "" },
  message: { type: "string", alias: "m", describe: "" },
  tty: { type: "boolean", alias: "t", describe: "" },
  number: { type: "string", alias: "n", digits: true, describe: "" },
  interactive: { type: "boolean", alias: "i", describe: "" },
} as const;

const grammar = (stopAtWord: Grammar["stopAtWord"] = "never"): Grammar => ({ options, stopAtWord, command: "try" });

interface Case {
  readonly why: string;
  readonly typed: readonly string[];
  readonly words: readonly string[];
  readonly rest?: readonly string[];
  readonly stop?: Grammar["stopAtWord"];
}

const cases: readonly Case[] = [
  { why: "joins a short option with the next word", typed: ["-b", "x", "y"], words: ["--branch=x", "y"] },
  { why: "takes a value that begins with a dash", typed: ["-m", "- a list"], words: ["--message=- a list"] },
  { why: "takes a long option's value that begins with a dash", typed: ["--message", "--x"], words: ["--message=--x"] },
  { why: "reads a value that is attached", typed: ["-bmain"], words: ["--branch=main"] },
  { why: "reads an attached value after an equals sign", typed: ["-b=main"], words: ["--branch=main"] },
  { why: "keeps later equals signs", typed: ["--message=a=b"], words: ["--message=a=b"] },
  { why: "keeps an empty value", typed: ["--message="], words: ["--message="] },
  { why: "takes a number alone for the option of numbers", typed: ["-5", "x"], words: ["--number=5", "x"] },
  { why: "parts switches", typed: ["-it"], words: ["--interactive", "--tty"] },
  { why: "parts switches before an option with a value", typed: ["-itb", "x"], words: ["--interactive", "--tty", "--branch=x"] },
  { why: "takes a single dash as a word", typed: ["-", "-t"], words: ["-", "--tty"] },
  { why: "keeps what stands after two dashes", typed: ["a", "--", "-x", "--"], words: ["a"], rest: ["-x", "--"] },
  { why: "knows an empty rest from none", typed: ["a", "--"], words: ["a"], rest: [] },
  {
    why: "stops at the first word",
    typed: ["-t", "rev", "sh", "-c"],
    words: ["--tty", "rev"],
    rest: ["sh", "-c"],
    stop: "always",
  },
  {
    why: "does not stop where two dashes tell the end",
    typed: ["rev", "-t", "--", "sh"],
    words: ["rev", "--tty"],
    rest: ["sh"],
    stop: "without-dashes",
  },
  { why: "keeps line ends in values", typed: ["-m", "a\nb"], words: ["--message=a\nb"] },
];

for (const { why, typed, words, rest, stop } of cases) {
  test(`normalWords() ${why}`, (t) => {
    t.deepEqual(normalWords(typed, grammar(stop)), { words, rest });
  });
}

const failures: readonly (readonly [why: string, typed: readonly string[], message: string, hint: string])[] = [
  [
    "an unknown option",
    ["--brunch", "x"],
    'Cannot read "--brunch": varve try has no such option',
    'Did you mean "--branch"? See "varve try --help".',
  ],
  ["a number among letters", ["-i5"], 'Cannot read "-5" in "-i5": varve try has no such option', 'See "varve try --help".'],
  ["an unknown letter", ["-ix"], 'Cannot read "-x" in "-ix": varve try has no such option', 'See "varve try --help".'],
  ["an option without its value", ["-b"], 'Cannot read "-b": it needs a value', 'See "varve try --help".'],
  ["two dashes in place of a value", ["-b", "--"], 'Cannot read "-b": it needs a value', 'See "varve try --help".'],
  ["a switch with a value", ["--tty=yes"], 'Cannot read "--tty=yes": --tty takes no value', 'See "varve try --help".'],
  [
    "a name of Object.prototype",
    ["--constructor"],
    'Cannot read "--constructor": varve try has no such option',
    'See "varve try --help".',
  ],
];

for (const [why, typed, message, hint] of failures) {
  test(`normalWords() throws USAGE for ${why}`, (t) => {
    const error = t.throws(() => normalWords(typed, grammar()), { instanceOf: VarveError });
    t.like(error, { code: "USAGE", message, hint });
  });
}
