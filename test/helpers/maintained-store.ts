import { execFileSync } from "node:child_process";
import type { ExecutionContext } from "ava";
import { checkStore, type StoreCheck } from "../../core/maintenance/check-store.js";
import { collectGarbage, type Collection } from "../../core/maintenance/collect-garbage.js";
import type { CommitId, LayerId } from "../../core/model/ids.js";
import type { Repository } from "../../core/ports/repository.js";
import { openChecks } from "../../store/maintenance/check-parts.js";
import { openGarbage } from "../../store/maintenance/collect-waste.js";
import { openUsageMeter } from "../../store/maintenance/measure-layers.js";
import type { UsageMeter } from "../../core/ports/usage-meter.js";
import { gitHistory } from "../../store/git/git-history.js";
import { storeLayout, type StoreLayout } from "../../store/store-layout.js";
import { trackedRepository, type TrackedRepository } from "./tracked-repository.js";

export const DAY_MILLISECONDS = 86_400_000;

export interface MaintainedStore extends TrackedRepository {
  readonly layout: StoreLayout;
  /** Opened anew, as each command does. */
  reopened(): Repository;
  layerOf(commit: CommitId): Promise<LayerId>;
  gc(options?: { readonly age?: number; readonly dryRun?: boolean }): Promise<Collection>;
  fsck(options?: { readonly quick?: boolean; readonly repair?: boolean }): Promise<StoreCheck>;
  meter(): UsageMeter;
  /** What `git fsck` complains of. */
  gitFsck(): string;
}

/** A tracked directory whose store is looked after. */
export async function maintainedStore(t: ExecutionContext): Promise<MaintainedStore> {
  const tracked = await trackedRepository(t);
  const layout = storeLayout(tracked.repository.path);
  const reopened = (): Repository => ({ ...tracked.repository, history: gitHistory(layout) });
  return {
    ...tracked,
    layout,
    reopened,
    layerOf: async (commit) => (await tracked.repository.history.readCommit(commit)).layer,
    gc: async ({ age = 0, dryRun = false } = {}) =>
      collectGarbage(reopened(), openGarbage(layout, gitHistory(layout)), { pruneAgeMilliseconds: age, dryRun }),
    fsck: async ({ quick = false, repair = false } = {}) =>
      checkStore(reopened(), openChecks(layout), { quick, repair, observe: () => undefined }),
    meter: () => openUsageMeter(layout),
    gitFsck: () => {
      const git = ["fsck", "--strict", "--full", "--no-dangling", "--no-progress"];
      return execFileSync("git", git, { cwd: layout.git, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    },
  };
}
