import { startContainer } from "../../core/operations/container-lifecycle.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { verifier, VERIFY_OPTION } from "../verify-option.js";
import { printJson } from "../render/json-array.js";

export const startCommand: Command = command(
  {
    name: "start",
    form: "CONTAINER",
    summary: "Run a container's process again, on the tree it left",
    description: `Runs the command that the container was made with, with its options, on its HEAD and what is not committed. Its input
and output are yours until it ends.`,
    words: [{ name: "CONTAINER", required: true }],
    options: VERIFY_OPTION,
    examples: [
      ["varve start web", "run it again"],
      ["varve start --verify web", "after each file of its commit was read and compared with its digest"],
    ],
    statuses: [
      ["0-255", "that of the process"],
      ["125", "varve itself failed, such as: no such container, or it is running"],
    ],
  },
  async ({ words: [name = ""], options: { verify }, session }) => {
    const repository = await openRepository(session);
    const { record } = repository.containers.find(name);
    const { exitCode, durationMilliseconds } = await startContainer(repository, record, {
      verify: verifier(verify, repository, session),
      command: session.typed,
    });
    if (session.json) printJson(session.terminal, { id: record.id, name: record.name, exitCode, durationMilliseconds });
    return exitCode;
  },
);
