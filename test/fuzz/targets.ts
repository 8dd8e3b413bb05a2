import { accessSync, constants } from "node:fs";
import { tmpdir } from "node:os";
import type { FuzzTarget } from "./fuzz-target.js";

const MEMORY = "/dev/shm";

/** Makers by name: some make directories, which `dispose` removes. */
export const TARGETS: Readonly<Record<string, () => Promise<FuzzTarget>>> = {
  image: async () => new (await import("./image-target.js")).ImageTarget(scratch()),
  tar: async () => new (await import("./tar-target.js")).TarTarget(),
  index: async () => (await import("./index-target.js")).openIndexTarget(scratch()),
  log: async () => new (await import("./text-targets.js")).LogTarget(scratch()),
  container: async () => new (await import("./text-targets.js")).ContainerTarget(),
  commit: async () => new (await import("./text-targets.js")).CommitTarget(),
};

/** A filesystem in memory where there is one. */
function scratch(): string {
  try {
    accessSync(MEMORY, constants.W_OK);
    return MEMORY;
  } catch {
    return tmpdir();
  }
}
