import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { branchRef, shortName } from "../../core/revision/ref-names.js";
import { command, type Command } from "../command.js";
import { makeStore } from "../open-repository.js";
import { printJson } from "../render/json-array.js";
import { sharedStore, surroundings, TRACKED_STORE } from "../store-location.js";

const options = {
  shared: { type: "boolean", describe: "Make a store that tracks no directory: at --store, $VARVE_STORE or the default place" },
  branch: { type: "string", alias: "b", value: "BRANCH", describe: "Name of the first branch (default: main)" },
} as const;

export const initCommand: Command = command(
  {
    name: "init",
    form: "[DIR | --shared] [-b BRANCH]",
    summary: "Track a directory, or make an empty shared store",
    description: `Makes DIR (default: this directory) a tracked directory: its store is DIR/.varve, and nothing else in it is
touched. With --shared or --store, makes a store that tracks no directory, for imports and containers.`,
    words: [{ name: "DIR", required: false }],
    options,
    examples: [
      ["varve init", "track the directory that you stand in"],
      ["varve init /srv/root", "track another one"],
      ["varve --store /srv/store init --shared", "a shared store, for imports and containers"],
    ],
    statuses: [["11", "a store stands there already"]],
  },
  async ({ words: [word], options: { branch = "main", shared }, session }) => {
    const { terminal, json } = session;
    const name = shortName(branchRef(branch));
    const isShared = shared || (word === undefined && session.store !== undefined);
    if (isShared && word !== undefined) {
      throw new VarveError("USAGE", `Cannot make a shared store in "${word}": --shared takes no DIR`, {
        hint: "Name its place with --store.",
      });
    }
    const directory = isShared ? undefined : path.resolve(word ?? ".");
    const place = directory === undefined ? sharedStore(session.store, surroundings()) : path.join(directory, TRACKED_STORE);
    const store = await makeStore(place, name);
    if (json) printJson(terminal, { store, directory: directory ?? null, branch: name });
    else if (directory === undefined) terminal.say(`Made the shared store ${store}. Fill it with: varve import SOURCE -b BRANCH`);
    else {
      terminal.say(`Tracking ${directory} on branch ${name}. Record it with: varve commit -m MESSAGE`);
      const other = process.env["VARVE_STORE"];
      if (other)
        terminal.complain(
          `varve: $VARVE_STORE is set, so that commands use ${other}; unset it to use the one of this directory\n`,
        );
    }
  },
);
