import { VarveError } from "../../core/errors.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { openRepository, probeMachine, type Probe } from "../open-repository.js";
import { printableLine } from "../printable.js";
import { printJson } from "../render/json-array.js";
import { counted, readableBytes } from "../render/quantities.js";
import type { Terminal } from "../terminal.js";
import { VERSION } from "../version.js";

/** What running a process on a commit can't do without; one runtime of several is enough. */
const NEEDED: readonly string[] = ["mount namespace", "overlayfs", "erofs"];
const CANNOT_RUN = 1;

interface StoreFacts {
  readonly path: string;
  readonly layers: number;
  readonly layerBytes: number;
  readonly branches: number;
  readonly containers: number;
}

export const doctorCommand: Command = command(
  {
    name: "doctor",
    form: "",
    summary: "Tell what this machine can do, and what to do about the rest",
    description: `Tries out everything that running a process on a commit needs, for real, and leaves nothing behind. Directories and
archives can be committed, compared, rolled back and exported without any of it.`,
    words: [],
    options: {},
    namespace: "alone",
    examples: [
      ["varve doctor", "for people"],
      ["varve doctor --json", "for programs"],
    ],
    statuses: [["1", "processes can't be run on commits here; the hints say why"]],
  },
  async ({ session }) => {
    const store = await storeFacts(session);
    const probes = await probeMachine(store instanceof VarveError ? undefined : store.path);
    const works = canRun(probes);
    if (session.json) printDoctorJson(session.terminal, store, probes, works);
    else printDoctorText(session.terminal, store, probes, works);
    return works ? 0 : CANNOT_RUN;
  },
);

function canRun(probes: readonly Probe[]): boolean {
  const needed = NEEDED.every((name) => probes.find((probe) => probe.name === name)?.ok === true);
  return needed && probes.some(({ name, ok }) => ok && isRuntime(name));
}

function isRuntime(name: string): boolean {
  return name.startsWith("runtime");
}

/** A store that is not there, or can't be opened, is a finding. */
async function storeFacts(session: Session): Promise<StoreFacts | VarveError> {
  try {
    return await factsOf(await openRepository(session));
  } catch (error) {
    if (error instanceof VarveError) return error;
    throw error;
  }
}

async function factsOf({ path, layers, history, containers }: Repository): Promise<StoreFacts> {
  const ids = layers.list();
  return {
    path,
    layers: ids.length,
    layerBytes: ids.reduce((sum, id) => sum + layers.storedBytes(id), 0),
    branches: (await history.listRefs("refs/heads/")).length,
    containers: containers.list().length,
  };
}

function printDoctorJson(terminal: Terminal, store: StoreFacts | VarveError, probes: readonly Probe[], works: boolean): void {
  const checks = probes.map(({ name, ok, detail, hint }) => ({ name, works: ok, detail, hint: hint ?? null }));
  const facts = store instanceof VarveError ? null : store;
  printJson(terminal, { works, version: VERSION, node: process.version, store: facts, checks });
}

function printDoctorText(terminal: Terminal, store: StoreFacts | VarveError, probes: readonly Probe[], works: boolean): void {
  const { paint } = terminal;
  terminal.print(`varve ${VERSION}, Node ${process.version}\n${storeLine(store)}\n\n`);
  const oneRuntime = probes.some(({ name, ok }) => ok && isRuntime(name));
  for (const { name, ok, detail, hint } of probes) {
    const mark = ok ? paint("green", "ok  ") : paint(isRuntime(name) && oneRuntime ? "dim" : "yellow", "no  ");
    terminal.print(`${mark}${name}: ${printableLine(detail)}\n`);
    if (hint !== undefined && !(isRuntime(name) && oneRuntime)) terminal.print(`    ${hint}\n`);
  }
  terminal.print(
    works
      ? "\nProcesses can be run on commits here.\n"
      : "\nProcesses can't be run on commits here. Directories and archives can be committed, compared, rolled back and exported all the same.\n",
  );
}

function storeLine(store: StoreFacts | VarveError): string {
  if (store instanceof VarveError)
    return store.code === "STORE_MISSING" ? "Store: none yet" : `Store: ${printableLine(store.message)}`;
  const { path, layers, layerBytes, branches, containers } = store;
  const parts = [
    counted(layers, "layer"),
    readableBytes(layerBytes),
    counted(branches, "branch", "branches"),
    counted(containers, "container"),
  ];
  return `Store: ${printableLine(path)} (${parts.join(", ")})`;
}
