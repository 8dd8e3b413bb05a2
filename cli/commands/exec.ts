import { VarveError } from "../../core/errors.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { shellLine } from "../shell-line.js";
import { variableOf } from "../run-options/process.js";
import { absolute, RUN_OPTIONS, userOf } from "../run-options.js";

const { env, workdir, user, interactive, tty } = RUN_OPTIONS;
const options = {
  detach: { type: "boolean", alias: "d", describe: "Return as soon as it runs; its output goes nowhere" },
  env,
  workdir: { ...workdir, describe: "Start in PATH (default: the container's)" },
  user: { ...user, describe: "Run as USER, a name or a number (default: the container's)" },
  interactive,
  tty,
} as const;

export const execCommand: Command = command(
  {
    name: "exec",
    form: "[options] CONTAINER -- CMD…",
    summary: "Run a process in a container that runs",
    description: `Runs CMD beside the container's own process: in its namespaces, on its tree, with its limits and its environment. Without "--",
options come before CONTAINER.`,
    words: [{ name: "CONTAINER", required: true }],
    rest: "command",
    options,
    namespace: "always",
    examples: [
      ["varve exec -it web -- sh", "look around in it"],
      ["varve exec -u postgres db -- pg_dump shop > shop.sql", "what it writes is yours"],
    ],
    statuses: [
      ["0-255", "that of the process"],
      ["125", "varve itself failed, such as: no such container, or it does not run"],
      ["126", "CMD is no program that can be executed"],
      ["127", "CMD was not found"],
    ],
  },
  async ({ words: [name = ""], rest = [], options: given, session }) => {
    if (rest.length === 0) {
      throw new VarveError("USAGE", "Cannot run a process: its command is missing", {
        hint: `Give it after "--", such as: varve exec ${shellLine([name])} -- sh`,
      });
    }
    const { containers } = await openRepository(session);
    const { record } = containers.find(name);
    const { exitCode } = await containers.exec(record, {
      command: rest,
      environment: given.env.flatMap((variable) => variableOf("--env", variable, process.env)),
      ...(given.workdir === undefined ? {} : { workingDirectory: absolute("--workdir", given.workdir) }),
      ...(given.user === undefined ? {} : { user: userOf(given.user) }),
      terminal: given.tty,
      interactive: given.interactive,
      detached: given.detach,
    });
    return exitCode;
  },
);
