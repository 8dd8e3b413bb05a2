import { declare, isLoaded } from "../linux/native-library.js";

const exit = declare("void _exit(int status)");

/**
 * Ends the process without taking Node's own machinery down, which takes some milliseconds, and without koffi's farewell, which syncs stdout and
 * stderr to the disk. Returns where no native call was made before, or somebody measures the process: then it has to end by itself.
 */
export function endProcess(status: number): void {
  if (!isLoaded() || process.execArgv.length > 0 || process.env["NODE_V8_COVERAGE"] !== undefined) return;
  process.emit("exit", status);
  exit(status);
}
