import type { CommitId } from "../../core/model/ids.js";
import type { ContainerStatus } from "../../core/ports/containers.js";
import type { PublishedPort } from "../../core/ports/endpoints.js";
import { containerFilter } from "../../core/operations/container-filter.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printableLine } from "../printable.js";
import { printJsonArray } from "../render/json-array.js";
import { refText, shortId } from "../render/names.js";
import { counted } from "../render/quantities.js";
import { hostPlace, portJson } from "../render/port-text.js";
import { textTable } from "../render/text-table.js";
import { shellLine } from "../shell-line.js";

const options = {
  all: { type: "boolean", alias: "a", describe: "List those that do not run, too" },
  quiet: { type: "boolean", alias: "q", describe: "Print ids alone" },
  filter: {
    type: "string",
    alias: "f",
    array: true,
    value: "KEY=VALUE",
    describe: "Only those that fit. Keys: id, name, status, exited, label, branch, network, volume",
  },
} as const;

interface Row {
  readonly status: ContainerStatus;
  /** Of its branch. */
  readonly commit: CommitId | undefined;
}

export const psCommand: Command = command(
  {
    name: "ps",
    form: "[-a] [-q] [-f KEY=VALUE]",
    summary: "List containers",
    description: `Lists the containers that run, or all with -a: name, state, branch, commit and command, and
published ports where one has any. Filters are docker's: of one key they are alternatives, those of different keys must all fit; name=VALUE
is a part of the name, label=NAME has any value. With status or exited those that do not run are looked at, too.`,
    words: [],
    options,
    examples: [
      ["varve ps", "those that run"],
      ["varve ps -a --json", "all, for programs"],
      ["varve ps -f status=exited -f label=ci", "that ended, of those with a label"],
      ["varve rm -f $(varve ps -aq)", "remove every container"],
    ],
  },
  async ({ options: { all, quiet, filter }, session: { terminal, json, ...session } }) => {
    const fits = containerFilter(filter);
    const isAny = all || filter.some((each) => /^(?:status|exited)=/.test(each));
    const repository = await openRepository({ ...session, terminal, json });
    const every = repository.containers.list();
    const rows = await withCommits(
      repository,
      every.filter((status) => (isAny || status.state === "running" || status.state === "paused") && fits(status)),
    );
    if (json) return printJsonArray(terminal, rows.map(rowJson));
    if (quiet) return terminal.print(rows.map(({ status }) => `${status.record.id}\n`).join(""));
    if (rows.length > 0) {
      const hasPorts = rows.some(({ status }) => portsOf(status).length > 0);
      const head = ["NAME", "STATE", "BRANCH", "COMMIT", ...(hasPorts ? ["PORTS"] : []), "COMMAND"];
      terminal.print(textTable([head, ...rows.map((row) => rowText(row, hasPorts))]));
      return;
    }
    if (filter.length > 0) terminal.say("No container fits.");
    else if (every.length === 0) terminal.say("There is no container. Make one with: varve run REV -- CMD…");
    else terminal.say(`Nothing runs. ${counted(every.length, "container is", "containers are")} stopped: varve ps -a`);
  },
);

async function withCommits({ history }: Repository, statuses: readonly ContainerStatus[]): Promise<readonly Row[]> {
  return Promise.all(statuses.map(async (status) => ({ status, commit: await history.readRef(status.record.branch) })));
}

function rowJson({ status: { record, state, pid, attachment }, commit }: Row): Record<string, unknown> {
  const { id, name, branch, exitCode, created, configuration } = record;
  return {
    id,
    name,
    state,
    commit: commit ?? null,
    branch: refText(branch),
    pid: pid ?? null,
    exitCode: exitCode ?? null,
    oomKilled: record.oomKilled === true,
    command: configuration.command,
    network: attachment?.network ?? configuration.network,
    address: attachment?.address ?? null,
    ports: (attachment?.ports ?? []).map(portJson),
    created,
    labels: configuration.labels ?? {},
  };
}

const LONGEST_COMMAND = 40;

function portsOf({ attachment }: ContainerStatus): readonly PublishedPort[] {
  return attachment?.ports ?? [];
}

function rowText({ status, commit }: Row, hasPorts: boolean): readonly string[] {
  const { record, state } = status;
  const { name, branch, exitCode, oomKilled, configuration } = record;
  const line = printableLine(shellLine(configuration.command));
  const shown =
    state === "stopped" && exitCode !== undefined ? `stopped (${exitCode}${oomKilled === true ? ", out of memory" : ""})` : state;
  const short = line.length > LONGEST_COMMAND ? `${line.slice(0, LONGEST_COMMAND - 1)}…` : line;
  const ports = hasPorts ? [portsOf(status).map(shortPort).join(", ")] : [];
  return [name, shown, refText(branch), commit === undefined ? "none" : shortId(commit), ...ports, short];
}

function shortPort(port: PublishedPort): string {
  return `${hostPlace(port)}->${port.containerPort}/${port.protocol}`;
}
