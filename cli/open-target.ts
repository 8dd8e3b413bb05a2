import { existsSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../core/errors.js";
import { findTarget, type Target } from "../core/operations/targets.js";
import type { Repository } from "../core/ports/repository.js";
import type { Session } from "./command.js";
import { openRepository } from "./open-repository.js";
import { trackedStore, type StoreLocation } from "./store-location.js";

export interface OpenedTarget {
  readonly repository: Repository;
  readonly target: Target;
}

/**
 * What TARGET means: a path (anything with a slash, or `.`) is a tracked directory, in the store that it holds. Any other word is a
 * container of this store or, when there is none of that name, a tracked directory below this one. No word: the tracked
 * directory that one stands in.
 *
 * @throws VarveError TARGET_UNKNOWN, and what opening a store throws.
 */
export async function openTarget(session: Session, word: string | undefined): Promise<OpenedTarget> {
  if (word !== undefined && isPath(word)) return openDirectory(session, word);
  if (word !== undefined && trackedStore(path.resolve(word))?.tracked === path.resolve(word)) {
    return (await findContainer(session, word)) ?? openDirectory(session, word);
  }
  const repository = await openRepository(session);
  return { repository, target: findTarget(repository, word) };
}

/** Whether a word names a target: `rollback` and `diff` take targets and revisions in the same place. */
export async function findWordTarget(session: Session, word: string): Promise<OpenedTarget | undefined> {
  if (isPath(word) && directoryStore(word) !== undefined) return openDirectory(session, word);
  if (word.startsWith("@") && !word.startsWith("@{")) return openTarget(session, word === "@" ? undefined : word.slice(1));
  return findContainer(session, word);
}

function isPath(word: string): boolean {
  return word.includes("/") || word === "." || word === "..";
}

/** The store that tracks an existing directory. */
function directoryStore(word: string): StoreLocation | undefined {
  return existsSync(word) ? trackedStore(path.resolve(word)) : undefined;
}

async function openDirectory(session: Session, word: string): Promise<OpenedTarget> {
  const location = directoryStore(word);
  if (location === undefined) {
    throw new VarveError(
      "TARGET_UNKNOWN",
      `Cannot open "${word}": ${existsSync(word) ? "it is no tracked directory" : "there is no such directory"}`,
      {
        path: path.resolve(word),
        hint: existsSync(word) ? `Track it with: varve init ${word}` : undefined,
      },
    );
  }
  const repository = await openRepository({ ...session, store: location.store });
  return { repository, target: findTarget(repository, undefined) };
}

async function findContainer(session: Session, word: string): Promise<OpenedTarget | undefined> {
  try {
    const repository = await openRepository(session);
    return { repository, target: findTarget(repository, word) };
  } catch (error) {
    if (error instanceof VarveError && ["TARGET_UNKNOWN", "STORE_MISSING"].includes(error.code)) return undefined;
    throw error;
  }
}
