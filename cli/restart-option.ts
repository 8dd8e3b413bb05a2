import { VarveError } from "../core/errors.js";
import { whileStopped } from "../core/operations/while-stopped.js";
import type { Target } from "../core/operations/targets.js";
import type { Session } from "./command.js";
import type { OpenedTarget } from "./open-target.js";
import { enterNamespace } from "./start-anew.js";

/** Of commands that change the tree of a container, which must be stopped meanwhile. */
export const RESTART_OPTION = {
  restart: { type: "boolean", describe: "Stop a container that runs, and start it again afterwards" },
} as const;

const GRACE_MILLISECONDS = 10_000;

/**
 * Does `work`, with `--restart` while the container is stopped.
 *
 * @param action Follows "Cannot". @throws VarveError USAGE for a dry run, which stops nothing; what `whileStopped` throws.
 */
export async function restarting<T>(
  { repository, target }: OpenedTarget,
  { restart, "dry-run": dryRun }: { readonly restart: boolean; readonly "dry-run": boolean },
  { action, session }: { readonly action: string; readonly session: Session },
  work: (target: Target) => Promise<T>,
): Promise<T> {
  if (!restart) return work(target);
  if (dryRun)
    throw new VarveError("USAGE", "Cannot use --restart with --dry-run: what only shows what would change stops nothing", {
      hint: "Leave one of them out.",
    });
  // Not when it is stopped already, and has to be started anew by who knows nothing of that.
  if (target.kind === "container") await enterNamespace(session, "where used");
  const onRestart = ({ name }: { readonly name: string }): void => session.terminal.say(`Restarted ${name}`);
  return whileStopped(repository, target, { action, graceMilliseconds: GRACE_MILLISECONDS, onRestart }, work);
}
