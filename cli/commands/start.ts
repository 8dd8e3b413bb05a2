import { startContainer, startInBackground } from "../../core/operations/container-lifecycle.js";
import { wantedAtBoot } from "../../core/operations/start-at-boot.js";
import { VarveError } from "../../core/errors.js";
import type { ContainerRecord } from "../../core/ports/containers.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printableLine } from "../printable.js";
import { verifier, VERIFY_OPTION } from "../verify-option.js";
import { wordMissing } from "../parse-words.js";
import { outOfMemory } from "../render/out-of-memory.js";
import { printJson, printJsonArray } from "../render/json-array.js";

const options = {
  attach: { type: "boolean", alias: "a", describe: "Run one of the background on your input and output, until it ends" },
  boot: { type: "boolean", describe: "Start those that their restart policy wants to run" },
  ...VERIFY_OPTION,
} as const;

const FORM = { name: "start", form: "CONTAINER… | --boot" } as const;

export const startCommand: Command = command(
  {
    ...FORM,
    summary: "Run a container's process again, on the tree it left",
    description: `Runs the command that the container was made with, with its options, on its HEAD and what is not committed. One that was made
with "varve run -d" or "varve create" runs in the background; of one that was made with "varve run", as with -a, input and output are yours
until it ends.
--boot is for the start of the machine, which no container outlives: it starts each that does not run and has the policy "always", or
"unless-stopped" and was not stopped by a person. One that can't be started hinders no other.`,
    words: [{ name: "CONTAINER", required: false, many: true }],
    options,
    namespace: "always",
    examples: [
      ["varve start web", "run it again"],
      ["varve start -a job", "and see what it writes"],
      ["varve start --verify web", "after each file of its commit was read and compared with its digest"],
      ["varve start --boot", "what a unit of systemd calls: docs/containers.md"],
    ],
    statuses: [
      ["0-255", "that of the process, of one that runs in the foreground"],
      ["125", "varve itself failed, such as: no such container, or it is running"],
    ],
  },
  async ({ words, options: { attach, verify, boot }, session }) => {
    if (boot) refuseWithBoot(words, attach);
    else if (words.length === 0) throw wordMissing(FORM, "CONTAINER");
    const repository = await openRepository(session);
    if (boot) return startAtBoot(repository, { verify: verifier(verify, repository, session), command: session.typed }, session);
    const records = words.map((name) => repository.containers.find(name).record);
    const starting = { verify: verifier(verify, repository, session), command: session.typed };
    const isForeground = ({ configuration }: ContainerRecord): boolean => attach || configuration.background === undefined;
    const [first] = records;
    if (first !== undefined && records.some(isForeground)) {
      requireOne(records);
      return startHere(repository, first, starting, session);
    }
    for (const record of records) {
      await startInBackground(repository, record, starting);
      if (!session.json) session.terminal.say(`Started ${record.name}`);
    }
    const started = records.map(({ id, name }) => ({ id, name }));
    if (session.json) await printJsonArray(session.terminal, started);
    return 0;
  },
);

/** @throws VarveError USAGE. */
function refuseWithBoot(words: readonly string[], attach: boolean): void {
  const other = words.length > 0 ? `the name "${words[0]}"` : attach ? "--attach" : undefined;
  if (other === undefined) return;
  throw new VarveError("USAGE", `Cannot use --boot with ${other}: it finds its containers by their restart policies`, {
    hint: "Leave one of them out.",
  });
}

async function startAtBoot(
  repository: Repository,
  starting: Parameters<typeof startContainer>[2],
  { json, terminal }: Session,
): Promise<number> {
  const started: { readonly id: string; readonly name: string }[] = [];
  const wanted = wantedAtBoot(repository);
  for (const record of wanted) {
    const { id, name } = record;
    try {
      await startInBackground(repository, record, starting);
      started.push({ id, name });
      if (!json) terminal.say(`Started ${name}`);
    } catch (error) {
      if (!(error instanceof VarveError) || error.code === "INTERRUPTED") throw error;
      terminal.complain(`varve: warning: ${printableLine(error.message)}\n`);
    }
  }
  if (json) await printJsonArray(terminal, started);
  return started.length === wanted.length ? 0 : NOT_ALL_STARTED;
}

/** As of a container that varve could not start. */
const NOT_ALL_STARTED = 125;

async function startHere(
  repository: Repository,
  record: ContainerRecord,
  starting: Parameters<typeof startContainer>[2],
  { json, terminal }: Session,
): Promise<number> {
  const { exitCode, durationMilliseconds, oomKilled } = await startContainer(repository, record, starting);
  if (oomKilled === true) terminal.say(outOfMemory(record));
  if (json) printJson(terminal, { id: record.id, name: record.name, exitCode, durationMilliseconds });
  return exitCode;
}

/** Input and output are those of one process. */
function requireOne(records: readonly ContainerRecord[]): void {
  if (records.length === 1) return;
  throw new VarveError("USAGE", "Cannot start several containers in the foreground: one at a time has your input and output", {
    hint: "Start them one by one, or leave out -a.",
  });
}
