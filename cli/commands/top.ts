import type { ContainerProcess } from "../../core/ports/container-process.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printableLine } from "../printable.js";
import { printJsonArray } from "../render/json-array.js";
import { readableDuration } from "../render/quantities.js";
import { textTable } from "../render/text-table.js";
import { shellLine } from "../shell-line.js";

export const topCommand: Command = command(
  {
    name: "top",
    form: "CONTAINER",
    summary: "List the processes of a container",
    description: `Lists the processes of a container that runs, with the ids and users that they have on this machine, the processor time that each has
used, and its command.`,
    words: [{ name: "CONTAINER", required: true }],
    options: {},
    examples: [["varve top web", "what runs in it"]],
    statuses: [
      ["24", "no such container"],
      ["33", "it does not run"],
    ],
  },
  async ({ words: [name = ""], session }) => {
    const { containers } = await openRepository(session);
    const processes = containers.processes(containers.find(name).record);
    if (session.json) return printJsonArray(session.terminal, processes);
    session.terminal.print(textTable([["UID", "PID", "PPID", "TIME", "CMD"], ...processes.map(processRow)]));
  },
);

function processRow({ uid, pid, parent, cpuMilliseconds, command: words }: ContainerProcess): readonly string[] {
  return [String(uid), String(pid), String(parent), readableDuration(cpuMilliseconds), printableLine(shellLine(words))];
}
