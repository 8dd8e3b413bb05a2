import { VarveError } from "../../core/errors.js";
import { layerChain } from "../../core/layers/layer-chain.js";
import type { CommitId } from "../../core/model/ids.js";
import { CONTAINER_NAME, type ContainerStatus } from "../../core/ports/containers.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { logEntryJson } from "../render/commit-json.js";
import { refText } from "../render/names.js";
import { portJson } from "../render/port-text.js";
import { entryOf } from "../render/shown-commit.js";
import { commitOf } from "../revision-words.js";

export const inspectCommand: Command = command(
  {
    name: "inspect",
    form: "CONTAINER|REV…",
    summary: "Print all that is known of containers and commits, as JSON",
    description: `Prints a JSON array with an object for each word. A word that names a container (by name, id or the begin of one) gives its record,
state, process, limits and mounts; any other is a revision, and gives its commit with its layers and its OCI image config. When one is
unknown, nothing is printed. It holds the environment of a container as it was given, with what is secret in it.`,
    words: [{ name: "CONTAINER|REV", required: true, many: true }],
    options: {},
    examples: [
      ["varve inspect web", "a container"],
      ["varve inspect base~1", "a commit"],
    ],
    statuses: [["20", "neither a container nor a revision"]],
  },
  async ({ words, session }) => {
    const repository = await openRepository(session);
    const described: Record<string, unknown>[] = [];
    for (const word of words) {
      const status = findContainer(repository, word);
      described.push(await (status === undefined ? commitJson(repository, word) : containerJson(repository, status)));
    }
    session.terminal.print(`${JSON.stringify(described, undefined, 2)}\n`);
  },
);

function findContainer({ containers }: Repository, word: string): ContainerStatus | undefined {
  try {
    return containers.find(word);
  } catch (error) {
    if (error instanceof VarveError && error.code === "TARGET_UNKNOWN") return undefined;
    throw error;
  }
}

async function containerJson(
  { history }: Repository,
  { record, state, pid, attachment }: ContainerStatus,
): Promise<Record<string, unknown>> {
  const { id, name, branch, base, layers, created, exitCode, oomKilled, configuration } = record;
  const { limits, volumes, ...others } = configuration;
  return {
    kind: "container",
    id,
    name,
    state,
    pid: pid ?? null,
    exitCode: exitCode ?? null,
    oomKilled: oomKilled === true,
    created,
    branch: refText(branch),
    commit: (await history.readRef(branch)) ?? null,
    base,
    layers,
    network: attachment?.network ?? configuration.network,
    address: attachment?.address ?? null,
    ports: (attachment?.ports ?? []).map(portJson),
    limits,
    mounts: volumes,
    configuration: others,
  };
}

async function commitJson(repository: Repository, word: string): Promise<Record<string, unknown>> {
  const id = await revisionOf(repository, word);
  const entry = await entryOf(repository, id);
  const layers = await layerChain(repository.history, id);
  return { kind: "commit", ...logEntryJson(entry), layers, config: entry.commit.config ?? null };
}

async function revisionOf(repository: Repository, word: string): Promise<CommitId> {
  try {
    return await commitOf(repository, word);
  } catch (error) {
    if (!(error instanceof VarveError) || error.code !== "REVISION_UNKNOWN" || !CONTAINER_NAME.test(word)) throw error;
    throw new VarveError("REVISION_UNKNOWN", `Cannot inspect "${word}": it is neither a container nor a revision`, {
      hint: [error.hint ?? [], '"varve ps -a" lists all containers.'].flat().join(" "),
      cause: error,
    });
  }
}
