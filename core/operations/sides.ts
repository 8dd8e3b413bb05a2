import type { CommitId, RefName } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { Repository } from "../ports/repository.js";
import type { OutsideSource } from "./outside-source.js";
import { findTarget, openCommitTree, openLiveTree, type Target } from "./targets.js";

/** Anything of a store with a tree to read: a commit, or a target as it is now. */
export type Side =
  { readonly kind: "commit"; readonly commit: CommitId | undefined } | { readonly kind: "live"; readonly target: Target };

/** Anything with a tree to read, in a store or not. */
export type AnySide = Side | { readonly kind: "outside"; readonly source: OutsideSource };

/** Closed by the caller. */
export async function openSide(repository: Repository, side: Side): Promise<Tree> {
  if (side.kind === "commit") return openCommitTree(repository, side.commit);
  const { live, close } = await openLiveTree(repository, side.target);
  return { root: live.root, close };
}

export interface SideContext {
  /** The branch that `HEAD` means. */
  readonly head?: RefName | undefined;
}

/** `@` is the tracked directory as it is, `@NAME` a container; anything else is a revision. */
export async function parseSide(repository: Repository, text: string, context: SideContext = {}): Promise<Side> {
  if (text === "@") return { kind: "live", target: findTarget(repository, undefined) };
  if (text.startsWith("@") && !text.startsWith("@{")) return { kind: "live", target: findTarget(repository, text.slice(1)) };
  const { resolveRevision } = await import("../revision/resolve-revision.js");
  return { kind: "commit", commit: await resolveRevision(repository.history, text, context) };
}
