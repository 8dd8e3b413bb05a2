import { VarveError } from "../../core/errors.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJsonArray } from "../render/json-array.js";

export const waitCommand: Command = command(
  {
    name: "wait",
    form: "CONTAINER…",
    summary: "Wait until containers' processes end, and print their exit codes",
    description: `Waits until the process of each container has ended, and prints its exit code, one line each in the order given. One that does
not run is told at once. Any number of commands may wait for one container.`,
    words: [{ name: "CONTAINER", required: true, many: true }],
    options: {},
    examples: [["code=$(varve wait job)", "128 + n for one that signal n ended"]],
    statuses: [
      ["24", "no such container"],
      ["33", "it has never run, or nobody knows how it ended: its supervisor was killed"],
    ],
  },
  async ({ words, session }) => {
    const { containers } = await openRepository(session);
    const records = words.map((name) => containers.find(name).record);
    const codes = await Promise.all(records.map(async (record) => ({ record, exitCode: await containers.wait(record) })));
    if (session.json)
      await printJsonArray(
        session.terminal,
        codes.map(({ record: { id, name }, exitCode }) => ({ id, name, exitCode: exitCode ?? null })),
      );
    else for (const { exitCode } of codes) session.terminal.print(`${exitCode ?? "unknown"}\n`);
    const unknown = codes.find(({ exitCode }) => exitCode === undefined);
    if (unknown === undefined) return;
    throw new VarveError(
      "CONTAINER_STOPPED",
      `Cannot tell how container "${unknown.record.name}" ended: it is not running, and nobody noted its end`,
      {
        hint: "It has never run, or its supervisor was killed.",
      },
    );
  },
);
