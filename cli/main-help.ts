import { COMMANDS } from "./command-table.js";

const GROUPS = {
  start: "Begin",
  look: "Look",
  change: "Change",
  run: "Run processes in containers",
  move: "Take trees elsewhere",
  keep: "Look after the store",
} as const;

/** The longest name, and a space. */
const NAME_WIDTH = Math.max(...Object.keys(COMMANDS).map((name) => name.length)) + 1;

/** What `varve --help` prints. */
export function mainHelp(): string {
  const rows = Object.entries(COMMANDS);
  const sections = Object.entries(GROUPS).map(([group, title]) => {
    const lines = rows
      .filter(([, row]) => row.group === group)
      .map(([name, { summary }]) => `  ${name.padEnd(NAME_WIDTH)}${summary}`);
    return `${title}:\n${lines.join("\n")}\n`;
  });
  return `varve [--store DIR] [--json] [--quiet] COMMAND …

varve is git for root filesystems: it commits directories and containers as layers, shows what
changed and why, and goes back.

${sections.join("\n")}
"varve COMMAND --help" tells more, "varve --version" which varve this is. A first session:

  varve init                          track the directory that you stand in
  varve commit -m "first"             record it
  varve status                        what has changed since, and why
  varve rollback                      make it what it was; "varve undo" takes that back

  varve import ./rootfs -b base -m "first"
  varve run --name web base -- sh     a process in a container on that tree
  varve diff web                      what it changed
  varve commit web -m "configured"
`;
}
