import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { bytesOfText, type ByteString } from "../../core/model/byte-string.js";
import type { CommitId, RefName } from "../../core/model/ids.js";
import type { Tree } from "../../core/model/tree.js";
import type { ContainerRecord, RunConfiguration } from "../../core/ports/containers.js";
import type { FileTime } from "../../core/ports/machine-files.js";
import type { MachineRoot, MachineTrial } from "../../core/ports/machine-root.js";
import { yieldToSignals } from "../../core/yield-to-signals.js";
import { isInUserNamespace } from "../../linux/user-namespace.js";
import { hasCode } from "../../linux/errno.js";
import { AT_FDCWD } from "../../linux/open-at.js";
import { statAt } from "../../linux/stat.js";
import { getXattr } from "../../linux/xattr.js";
import { chooseRuntime } from "../runtime/chosen-runtime.js";
import { MountedRoots } from "../mounts/mounted-roots.js";
import { systemFailure } from "../system-failure.js";
import { ContainerDirectory, UNFINISHED } from "./container-directory.js";
import type { ContainersOptions } from "./containers.js";
import { clearRun } from "./prepare-run.js";
import { runContainer } from "./run-container.js";

export interface MachineRootOptions extends ContainersOptions {
  /** Reads a directory of this machine, when it is asked. */
  readonly openLinked: (path: string) => Tree;
}

/** Layers over `/`, in directories that the next container which is made removes when this process was killed. */
export function openMachineRoot(options: MachineRootOptions): MachineRoot {
  return { tryOut: (configuration, work) => tryOut(options, configuration, work) };
}

const GENERATION = 1;

async function tryOut<T>(
  { directory: containers, volumes, openUpperTree, openLinked }: MachineRootOptions,
  configuration: RunConfiguration,
  work: (trial: MachineTrial) => Promise<T>,
): Promise<T> {
  if (isInUserNamespace()) throw notWhole();
  const id = `${UNFINISHED}${randomBytes(6).toString("hex")}`;
  const directory = new ContainerDirectory(containers, id);
  const roots = new MountedRoots(containers);
  const trees: Tree[] = [];
  const release = makeLayer(containers, directory);
  const upper = directory.upper(GENERATION);
  try {
    const began = timeOf(upper);
    roots.enter();
    const runtime = chooseRuntime(`${containers}/runtime.json`);
    const stored = { record: recordOf(id, configuration), generation: GENERATION };
    const result = await runContainer({ containers, volumes, directory, stored, images: "machine", roots, runtime });
    await yieldToSignals();
    const before = openLinked(roots.machinePath());
    trees.push(before);
    const after = await openUpperTree(upper, directory.work(GENERATION), before, false);
    trees.unshift(after);
    return await work({ result, before, after, began, isCopied: (place) => isCopied(upper, place) });
  } catch (error) {
    throw systemFailure("try a command on this machine's root", error, containers);
  } finally {
    for (const tree of trees) tree.close();
    clearRun(directory);
    directory.remove();
    release();
  }
}

/** The kernel shows an ordinary user no filesystem without those that are mounted on it. */
function notWhole(): VarveError {
  return new VarveError("UNSUPPORTED", "Cannot try a command on this machine's own root: only root can mount it apart", {
    hint: 'Run the command as root, or on a commit: "varve try REV -- COMMAND".',
  });
}

/** When a directory was made, by the clock that all inodes' times are of. */
function timeOf(directory: string): FileTime {
  const { ctimeSeconds, ctimeNanoseconds } = statAt(AT_FDCWD, bytesOfText(directory));
  return { seconds: ctimeSeconds, nanoseconds: ctimeNanoseconds };
}

/** The kernel notes on what it copied into an upper directory where that came from. */
function isCopied(upper: string, place: ByteString): boolean {
  try {
    return getXattr(AT_FDCWD, `${bytesOfText(upper)}/${place}`, "trusted.overlay.origin") !== undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

/** @returns Gives its lock back. */
function makeLayer(containers: string, directory: ContainerDirectory): () => void {
  try {
    mkdirSync(containers, { recursive: true, mode: 0o700 });
    mkdirSync(directory.path, { mode: 0o700 });
    const release = directory.lock("try", directory.id);
    directory.makeGeneration(GENERATION);
    return release;
  } catch (error) {
    throw systemFailure("make a layer over this machine's root", error, directory.path);
  }
}

/** As far as a run asks: it is written nowhere. */
function recordOf(id: string, configuration: RunConfiguration): ContainerRecord {
  const nothing = "0".repeat(40) as CommitId;
  const created = new Date().toISOString();
  return { id, name: "this machine", branch: "refs/heads/none" as RefName, base: nothing, layers: [], created, configuration };
}
