import type { ByteString } from "../model/byte-string.js";
import type { Tree } from "../model/tree.js";
import type { ProcessResult, RunConfiguration } from "./containers.js";
import type { FileTime } from "./machine-files.js";

/** What a process did to the root that it saw. */
export interface MachineTrial {
  readonly result: ProcessResult;
  /** This machine's root, without what other filesystems hold. Directories that nothing touched are the same node in both. */
  readonly before: Tree;
  readonly after: Tree;
  /** When the layer was made, before the process began. */
  readonly began: FileTime;
  /** Whether what stands at a path in the layer was made from what the root had there. */
  readonly isCopied: (path: ByteString) => boolean;
}

/** This machine's own root, for processes that must not change it. */
export interface MachineRoot {
  /**
   * Runs a process isolated on a throw-away layer over `/`. It sees the filesystem that `/` is on, which it can't change; where another one is
   * mounted (such as a /home or /tmp of its own) it sees the directory below, which is mostly empty. The layer goes when `work` ends.
   *
   * @throws VarveError what `Containers.run` throws; INTERRUPTED when a signal came while the process ran.
   */
  tryOut<T>(configuration: RunConfiguration, work: (trial: MachineTrial) => Promise<T>): Promise<T>;
}
