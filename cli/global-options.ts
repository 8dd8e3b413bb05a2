import type { OptionTable } from "./command.js";

/** Options that all commands have, before or after the command's name. */
export const GLOBAL_OPTIONS = {
  store: { type: "string", value: "DIR", describe: "Use the store in DIR (default: $VARVE_STORE, or the nearest .varve)" },
  "at-op": { type: "string", value: "ID", describe: "Look at the store as it was right after this operation (varve op log)" },
  json: { type: "boolean", describe: "Print JSON, of the shape that docs/json.md tells" },
  quiet: { type: "boolean", alias: "q", describe: "Print data, failures and warnings alone" },
  "no-pager": { type: "boolean", describe: "Print to the terminal itself, not through $VARVE_PAGER, $PAGER or less" },
  color: {
    type: "string",
    value: "always|auto|never",
    alone: "always",
    describe: "Colour stdout; auto: on a terminal, unless NO_COLOR is set. Alone: always, as for less -R",
  },
  help: { type: "boolean", alias: "h", describe: "Show this help" },
} as const;

/** As they stand beside a command's own: a name or a letter that has a meaning of its own there is not theirs. */
export function optionsBeside(own: OptionTable): OptionTable {
  const letters = Object.values(own).map(({ alias }) => alias);
  return Object.fromEntries(
    Object.entries<OptionTable[string]>(GLOBAL_OPTIONS)
      .filter(([name]) => !Object.hasOwn(own, name))
      .map(([name, { alias, ...option }]) => [
        name,
        alias === undefined || letters.includes(alias) ? option : { alias, ...option },
      ]),
  );
}
