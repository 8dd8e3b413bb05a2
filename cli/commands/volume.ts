import { randomBytes } from "node:crypto";
import { VarveError } from "../../core/errors.js";
import { removeVolumes, unusedVolumes, usersOf } from "../../core/operations/volumes.js";
import type { Repository } from "../../core/ports/repository.js";
import type { NamedVolume, Volumes } from "../../core/ports/volumes.js";
import { ask, canAsk } from "../ask.js";
import { command, type Command, type OptionValues, type Session } from "../command.js";
import { openRepository, openVolumes } from "../open-repository.js";
import { wordMissing, wordTooMany } from "../parse-words.js";
import { printableLine } from "../printable.js";
import { printJson, printJsonArray } from "../render/json-array.js";
import { counted } from "../render/quantities.js";
import { textTable } from "../render/text-table.js";
import { labelOf } from "../run-options/process.js";

const FORM = { name: "volume", form: "create [NAME] | ls | rm VOLUME… | inspect VOLUME… | prune [-a] [-f]" } as const;

const OPTIONS = {
  label: { type: "string", alias: "l", array: true, value: "NAME[=VALUE]", describe: "of create: label the volume" },
  quiet: { type: "boolean", alias: "q", describe: "of ls: print names alone" },
  all: { type: "boolean", alias: "a", describe: "of prune: those with a name, too" },
  force: { type: "boolean", alias: "f", describe: "of prune: ask nothing" },
} as const;

export const volumeCommand: Command = command(
  {
    ...FORM,
    summary: "Make, list and remove volumes: directories that containers share",
    description: `A volume is a directory of the store's own that outlives containers; "varve run -v NAME:PATH" shows it, and makes it
where there is none. A new one gets what the image holds at PATH. No commit holds what is in a volume, so that rollback and undo leave it as it is,
and a volume that is removed is gone. "rm" removes those that no container has; "prune" all such to which nobody gave a name ("run -v PATH" and
"create" alone make them), with -a the others, too, after it asked.`,
    words: [
      { name: "create|ls|rm|inspect|prune", required: true },
      { name: "VOLUME", required: false, many: true },
    ],
    options: OPTIONS,
    namespace: "where used",
    examples: [
      ["varve volume create pgdata", "make one, empty"],
      ["varve volume rm pgdata", "what it holds is gone with it"],
      ["varve volume ls", "which there are, and who has them"],
      ["varve volume inspect pgdata --json", "where it lies on this machine"],
      ["varve volume prune", "remove those that no container has, and that have no name"],
      ["varve volume prune -a", "remove all that no container has"],
    ],
    statuses: [
      ["24", "no such volume"],
      ["61", "rm: a container has it"],
    ],
  },
  async ({ words: [action = "", ...names], options, session }) => {
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (act === undefined) {
      throw new VarveError("USAGE", `Cannot run "varve volume ${action}": volume has no such word`, {
        hint: `The form is: varve volume ${FORM.form}`,
      });
    }
    const repository = await openRepository(session, { make: action === "create" });
    await act({ names, options, session, repository, volumes: await openVolumes(repository) });
  },
);

interface Given {
  readonly names: readonly string[];
  readonly options: OptionValues<typeof OPTIONS>;
  readonly session: Session;
  readonly repository: Repository;
  readonly volumes: Volumes;
}

const ACTIONS: Readonly<Record<string, (given: Given) => Promise<void>>> = {
  create,
  ls,
  rm,
  inspect,
  prune,
  list: ls,
  remove: rm,
};

async function create({ names: [name, extra], options, session: { terminal, json }, repository, volumes }: Given): Promise<void> {
  if (extra !== undefined) throw wordTooMany(FORM, extra);
  const labels = Object.fromEntries(options.label.map((label) => labelOf("--label", label)));
  const chosen = name ?? randomBytes(32).toString("hex");
  const volume = await repository.exclusively(async () => volumes.create(chosen, { labels, anonymous: name === undefined }));
  if (json) printJson(terminal, volumeJson(repository, volume));
  else terminal.print(`${volume.name}\n`);
}

async function ls({ names: [extra], options, session: { terminal, json }, repository, volumes }: Given): Promise<void> {
  if (extra !== undefined) throw wordTooMany(FORM, extra);
  const found = volumes.list();
  if (json)
    return printJsonArray(
      terminal,
      found.map((volume) => volumeJson(repository, volume)),
    );
  if (options.quiet) return terminal.print(found.map(({ name }) => `${name}\n`).join(""));
  if (found.length === 0) return terminal.say("There is no volume. Make one with: varve volume create NAME");
  const rows = found.map(({ name, created }) => [name, created, containerNames(repository, name).join(", ") || "none"]);
  terminal.print(textTable([["NAME", "CREATED", "CONTAINERS"], ...rows]));
}

async function rm({ names, session: { terminal, json }, repository, volumes }: Given): Promise<void> {
  if (names.length === 0) throw wordMissing(FORM, "VOLUME");
  await removeVolumes(repository, volumes, names);
  reportRemoved(names, terminal, json);
}

async function inspect({ names, session: { terminal, json }, repository, volumes }: Given): Promise<void> {
  if (names.length === 0) throw wordMissing(FORM, "VOLUME");
  const found = names.map((name) => volumes.find(name));
  if (json)
    return printJsonArray(
      terminal,
      found.map((volume) => volumeJson(repository, volume)),
    );
  for (const { name, created, labels, path } of found) {
    const pairs = Object.entries(labels).map(([label, value]) => printableLine(`${label}=${value}`));
    const containers = containerNames(repository, name);
    terminal.print(
      `Volume ${name}\nPath:       ${printableLine(path)}\nCreated:    ${created}\n` +
        `Labels:     ${pairs.join(", ") || "none"}\nContainers: ${containers.join(", ") || "none"}\n`,
    );
  }
}

async function prune({ names: [extra], options, session, repository, volumes }: Given): Promise<void> {
  if (extra !== undefined) throw wordTooMany(FORM, extra);
  const { terminal, json } = session;
  const unused = unusedVolumes(repository, volumes)
    .filter(({ anonymous }) => anonymous || options.all)
    .map(({ name }) => name);
  if (unused.length > 0 && !options.force && !(await isAgreed(unused, session))) return terminal.say("Removed none.");
  await removeVolumes(repository, volumes, unused);
  if (unused.length === 0 && !json) terminal.say(nothingToRemove(options.all));
  else reportRemoved(unused, terminal, json);
}

async function isAgreed(names: readonly string[], { terminal }: Session): Promise<boolean> {
  const what = `${counted(names.length, "volume")} that no container has (${names.join(", ")})`;
  if (!(await canAsk())) {
    throw new VarveError("USAGE", `Cannot remove ${what}: there is no terminal to ask on`, {
      hint: "What is in a volume is gone with it. With -f varve does not ask.",
    });
  }
  return /^y(es)?$/i.test(await ask(terminal, `Remove ${what}, for good? [y/N]`));
}

function reportRemoved(names: readonly string[], terminal: Session["terminal"], json: boolean): void {
  if (json) printJson(terminal, { removed: [...new Set(names)] });
  else terminal.say(`Removed ${[...new Set(names)].join(", ")}`);
}

function nothingToRemove(all: boolean): string {
  return all
    ? "There is nothing to remove: a container has each volume."
    : "There is nothing to remove: each volume has a name, or a container. With -a those with a name go, too.";
}

function containerNames(repository: Repository, volume: string): readonly string[] {
  return usersOf(repository, volume).map(({ name }) => name);
}

function volumeJson(repository: Repository, { name, created, labels, anonymous, path }: NamedVolume): Record<string, unknown> {
  return { name, created, labels, anonymous, path, containers: containerNames(repository, name) };
}
