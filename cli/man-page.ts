import { valueWords } from "./command-help.js";
import type { Command, Option, OptionTable } from "./command.js";
import { COMMANDS } from "./command-table.js";
import { GLOBAL_OPTIONS, optionsBeside } from "./global-options.js";
import { mainHelp } from "./main-help.js";
import { VERSION } from "./version.js";

type Pair = readonly [left: string, right: string];

/** A command's page for man(1), in the macros of man(7): the text is that of `--help`. */
export function manPageOf({ name, form, summary, description, columns = [], options, examples, statuses = [] }: Command): string {
  const zero: readonly Pair[] = statuses.some(([status]) => status.startsWith("0")) ? [] : [["0", "done"]];
  return [
    heading(`varve-${name}`),
    section("NAME", [`varve\\-${escaped(name)} \\- ${escaped(summary)}`]),
    section("SYNOPSIS", [`.B varve ${escaped(name)}`, escaped(form)]),
    section("DESCRIPTION", [text(description)]),
    ...(columns.length === 0 ? [] : [section("COLUMNS", columns.map(tagged))]),
    section("OPTIONS", [...optionRows(options), ...optionRows(optionsBeside(options))].map(tagged)),
    section("EXAMPLES", examples.map(tagged)),
    section(
      "EXIT STATUS",
      [...zero, ...statuses, ["other", "docs/errors.md lists them by the code of the error"] as const].map(tagged),
    ),
    section("SEE ALSO", [".BR varve (1)"]),
  ].join("");
}

/** The page of varve itself: what `varve --help` prints, and all commands. */
export function mainManPage(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]): Pair => [`varve-${name}(1)`, summary]);
  return [
    heading("varve"),
    section("NAME", ["varve \\- git for root filesystems"]),
    section("SYNOPSIS", [".B varve", escaped("[--store DIR] [--json] [--quiet] COMMAND …")]),
    section("DESCRIPTION", [".nf", ...mainHelp().trimEnd().split("\n").map(text), ".fi"]),
    section("OPTIONS", optionRows(GLOBAL_OPTIONS).map(tagged)),
    section("COMMANDS", commands.map(tagged)),
  ].join("");
}

function heading(name: string): string {
  return `.TH "${escaped(name.toUpperCase())}" "1" "" "varve ${VERSION}" "varve's manual"\n`;
}

function section(title: string, lines: readonly string[]): string {
  return `.SH ${title}\n${lines.join("\n")}\n`;
}

function tagged([left, right]: Pair): string {
  return `.TP\n.B ${escaped(left)}\n${text(right)}`;
}

function optionRows(options: OptionTable): readonly Pair[] {
  return Object.entries(options).map(([name, option]: readonly [string, Option]): Pair => {
    const { alias, array, describe } = option;
    const short = alias === undefined ? "" : `-${alias}, `;
    const again = array === true ? " (may be repeated)" : "";
    return [`${short}--${name}${valueWords(option)}`, describe + again];
  });
}

/** A line of text: a dot or an apostrophe in front would make it a request. */
function text(line: string): string {
  const whole = escaped(line.replace(/\s*\n\s*/g, " "));
  return /^[.']/.test(whole) ? `\\&${whole}` : whole;
}

/** A dash that people copy is no hyphen; a backslash begins an escape, a double quote an argument. */
function escaped(words: string): string {
  return words
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll('"', "\\(dq")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga");
}
