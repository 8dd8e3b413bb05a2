import type { Platform } from "./outgoing-config.js";

/** How Go, whose names image platforms have, calls what Node calls otherwise. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

/** @param architecture Node's `process.arch`. */
export function machinePlatform(architecture: string): Platform {
  return { os: "linux", architecture: ARCHITECTURES[architecture] ?? architecture };
}
