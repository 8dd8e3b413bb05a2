import { setTimeout as pause } from "node:timers/promises";
import { measureUsage, type Measured } from "../../core/operations/measure-usage.js";
import { interruptionSignal } from "../../core/yield-to-signals.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJson } from "../render/json-array.js";
import { readableBytes } from "../render/quantities.js";
import { textTable } from "../render/text-table.js";

const options = {
  "no-stream": { type: "boolean", describe: "Print once, and end" },
} as const;

const INTERVAL_MILLISECONDS = 1000;
/** Puts what comes at the top of an empty screen. */
const CLEAR_SCREEN = "\u001b[H\u001b[J";

export const statsCommand: Command = command(
  {
    name: "stats",
    form: "[CONTAINER…] [--no-stream]",
    summary: "Show what containers use: processors, memory, block I/O, network",
    description: `Shows each second what the containers that run use, or those that are named: processor time as a share of one processor, memory
without what the kernel can take back at once, what was received and sent by network, read from and written to block devices, and the number
of processes. A container on the machine's own network has no numbers of its own there; one without a cgroup of its own, as an ordinary user's,
has none but those of its network: "--" stands for what is not known.`,
    words: [{ name: "CONTAINER", required: false, many: true }],
    options,
    examples: [
      ["varve stats", "all that run, until Ctrl-C"],
      ["varve stats web --no-stream --json", "one look, for programs"],
    ],
    statuses: [["24", "no such container"]],
  },
  async ({ words, options: given, session: { terminal, json, ...session } }) => {
    const repository = await openRepository({ ...session, terminal, json });
    let measured = measureUsage(repository, words, []);
    do {
      // A share of time takes two looks. Ctrl-C is how this command ends, and no failure.
      if (!(await isTimeForNext())) return;
      measured = measureUsage(repository, words, measured);
      if (json) for (const each of measured) printJson(terminal, usageJson(each));
      else terminal.print((terminal.interactive && !given["no-stream"] ? CLEAR_SCREEN : "") + usageTable(measured));
    } while (!given["no-stream"]);
  },
);

/** @returns False when a signal came. */
async function isTimeForNext(): Promise<boolean> {
  const signal = interruptionSignal();
  await pause(INTERVAL_MILLISECONDS, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return !signal.aborted;
}

function usageJson({ record: { id, name }, usage, cpuPercent }: Measured): Record<string, unknown> {
  if (usage === undefined) return { id, name, usage: null };
  const { network, ...others } = usage;
  const known = Object.fromEntries(Object.entries({ cpuPercent, ...others }).map(([key, value]) => [key, value ?? null]));
  return { id, name, usage: { ...known, network: network ?? null } };
}

const HEADS = ["ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"];
const UNKNOWN = "--";

function usageTable(measured: readonly Measured[]): string {
  return textTable([HEADS, ...measured.map(usageRow)]);
}

function usageRow({ record: { id, name }, usage, cpuPercent }: Measured): readonly string[] {
  if (usage === undefined) return [id, name, UNKNOWN, pair(), UNKNOWN, pair(), pair(), UNKNOWN];
  const { memoryBytes, memoryLimitBytes, network, readBytes, writtenBytes, processes } = usage;
  return [
    id,
    name,
    percent(cpuPercent),
    pair(memoryBytes, memoryLimitBytes),
    percent(memoryBytes === undefined || memoryLimitBytes === undefined ? undefined : (100 * memoryBytes) / memoryLimitBytes),
    pair(network?.receivedBytes, network?.sentBytes),
    pair(readBytes, writtenBytes),
    String(processes ?? UNKNOWN),
  ];
}

function percent(share: number | undefined): string {
  return share === undefined ? UNKNOWN : `${share.toFixed(2)}%`;
}

function pair(first?: number, second?: number): string {
  return [first, second].map((bytes) => (bytes === undefined ? UNKNOWN : readableBytes(bytes))).join(" / ");
}
