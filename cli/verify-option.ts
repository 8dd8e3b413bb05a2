import { verifyContents } from "../core/maintenance/verify-contents.js";
import type { LayerId } from "../core/model/ids.js";
import type { Repository } from "../core/ports/repository.js";
import type { Session } from "./command.js";
import { openMaintenance } from "./open-repository.js";
import { showReading } from "./progress.js";

/** Of the commands that give a commit's contents to the kernel. */
export const VERIFY_OPTION = {
  verify: { type: "boolean", describe: "First read all contents and compare them with their digests" },
} as const;

/** @returns What verifies a chain of layers; `undefined` when the option is not given. */
export function verifier(
  verify: boolean,
  repository: Repository,
  { terminal }: Session,
): ((layers: readonly LayerId[]) => Promise<void>) | undefined {
  if (!verify) return undefined;
  return async (layers) => {
    const { checks } = await openMaintenance(repository);
    try {
      await verifyContents(repository, checks, layers, showReading(terminal));
    } finally {
      terminal.progress("");
    }
  };
}
