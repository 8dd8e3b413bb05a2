import { startContainer, startInBackground } from "../../core/operations/container-lifecycle.js";
import { VarveError } from "../../core/errors.js";
import type { ContainerRecord } from "../../core/ports/containers.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { verifier, VERIFY_OPTION } from "../verify-option.js";
import { outOfMemory } from "../render/out-of-memory.js";
import { printJson, printJsonArray } from "../render/json-array.js";

const options = {
  attach: { type: "boolean", alias: "a", describe: "Run one of the background on your input and output, until it ends" },
  ...VERIFY_OPTION,
} as const;

export const startCommand: Command = command(
  {
    name: "start",
    form: "CONTAINER…",
    summary: "Run a container's process again, on the tree it left",
    description: `Runs the command that the container was made with, with its options, on its HEAD and what is not committed. One that was made
with "varve run -d" or "varve create" runs in the background; of one that was made with "varve run", as with -a, input and output are yours
until it ends.`,
    words: [{ name: "CONTAINER", required: true, many: true }],
    options,
    examples: [
      ["varve start web", "run it again"],
      ["varve start -a job", "and see what it writes"],
      ["varve start --verify web", "after each file of its commit was read and compared with its digest"],
    ],
    statuses: [
      ["0-255", "that of the process, of one that runs in the foreground"],
      ["125", "varve itself failed, such as: no such container, or it is running"],
    ],
  },
  async ({ words, options: { attach, verify }, session }) => {
    const repository = await openRepository(session);
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
