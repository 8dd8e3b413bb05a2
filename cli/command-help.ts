import type { Command, Option, OptionTable } from "./command.js";
import { optionsBeside } from "./global-options.js";

/** Columns: the same everywhere, so that docs/commands is the same everywhere. */
const COLUMNS = 100;
const INDENT = "  ";

/** What `varve COMMAND --help` prints; docs/commands holds the same. */
export function helpOf({ name, form, description, columns, options, examples, statuses = [] }: Command): string {
  const ownZero = statuses.some(([status]) => status.startsWith("0"));
  const table = [...(ownZero ? [] : [["0", "done"] as const]), ...statuses, ["other", "see docs/errors.md"] as const];
  const sections = [
    `varve ${name} ${form}`.trimEnd(),
    wrapped(description, COLUMNS).join("\n"),
    ...(columns === undefined ? [] : [section("Columns", columns)]),
    ...(Object.keys(options).length === 0 ? [] : [section("Options", optionRows(options))]),
    section("Options of all commands", optionRows(optionsBeside(options))),
    section("Examples", examples),
    section("Exit status", table),
  ];
  return `${sections.join("\n\n")}\n`;
}

function optionRows(options: OptionTable): (readonly [string, string])[] {
  return Object.entries(options).map(([name, option]) => {
    const { alias, array, describe } = option;
    const short = alias === undefined ? "    " : `-${alias}, `;
    const again = array === true ? " (may be repeated)" : "";
    return [`${short}--${name}${valueWords(option)}`, describe + again];
  });
}

/** What stands behind an option's name in help: ` BRANCH`, `[=A|B]`. */
export function valueWords({ value, alone }: Option): string {
  if (value === undefined) return "";
  return alone === undefined ? ` ${value}` : `[=${value}]`;
}

function section(title: string, rows: readonly (readonly [left: string, right: string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  // Where the left side is long, the text goes below it.
  const below = width > COLUMNS / 2;
  const lines = rows.flatMap(([left, right]) => {
    if (below) return [INDENT + left, ...wrapped(right, COLUMNS - 6).map((line) => `      ${line}`)];
    const [first = "", ...more] = wrapped(right, COLUMNS - width - 4);
    return [`${INDENT}${left.padEnd(width)}${INDENT}${first}`, ...more.map((line) => " ".repeat(width + 4) + line)];
  });
  return `${title}:\n${lines.join("\n")}`;
}

function wrapped(text: string, columns: number): readonly string[] {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1) ?? "";
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
