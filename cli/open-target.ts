import { existsSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../core/errors.js";
import { parseSide } from "../core/operations/sides.js";
import { findTarget, type Target } from "../core/operations/targets.js";
import type { Repository } from "../core/ports/repository.js";
import type { Session } from "./command.js";
import { openRepository } from "./open-repository.js";
import { shellLine } from "./shell-line.js";
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
  if (word !== undefined && isTracked(word)) return (await findContainer(session, word)) ?? openDirectory(session, word);
  const repository = await openRepository(session);
  try {
    return { repository, target: findTarget(repository, word) };
  } catch (error) {
    if (word === undefined || !(error instanceof VarveError) || !(await isRevision(session, word))) throw error;
    throw new VarveError(error.code, error.message, {
      hint: `"${word}" is a revision. TARGET is a container (\`varve ps -a\` lists them) or a tracked directory's path.`,
    });
  }
}

/**
 * Whether a word names a target: `rollback` and `diff` take targets and revisions in the same place. A tracked directory by its bare name does
 * when no revision has it.
 *
 * @throws VarveError TARGET_UNKNOWN for a path within a tracked directory, which would be taken for all of it.
 */
export async function findWordTarget(session: Session, word: string): Promise<OpenedTarget | undefined> {
  if (/^@(?![{~^])/.test(word)) return openTarget(session, word === "@" ? undefined : word.slice(1));
  if (!isPath(word)) {
    const container = await findContainer(session, word);
    if (container !== undefined) return container;
  }
  if (!isTracked(word) && !(isPath(word) && directoryStore(word) !== undefined)) return undefined;
  return (await isRevision(session, word)) ? undefined : openDirectory(session, word);
}

function isPath(word: string): boolean {
  return word.includes("/") || word === "." || word === "..";
}

/** Whether it is a tracked directory itself. An empty word, such as a variable that is not set, is none. */
function isTracked(word: string): boolean {
  return word !== "" && trackedStore(path.resolve(word))?.tracked === path.resolve(word);
}

/** The store that tracks an existing path. */
function directoryStore(word: string): StoreLocation | undefined {
  return existsSync(word) ? trackedStore(path.resolve(word)) : undefined;
}

/** Of the store that the session means. */
export async function isRevision(session: Session, word: string): Promise<boolean> {
  try {
    return (await parseSide(await openRepository(session), word)).kind === "commit";
  } catch (error) {
    if (error instanceof VarveError && ["REVISION_UNKNOWN", "STORE_MISSING"].includes(error.code)) return false;
    throw error;
  }
}

async function openDirectory(session: Session, word: string): Promise<OpenedTarget> {
  const location = directoryStore(word);
  if (location === undefined) {
    throw new VarveError(
      "TARGET_UNKNOWN",
      `Cannot open "${word}": ${existsSync(word) ? "it is no tracked directory" : "there is no such directory"}`,
      {
        path: path.resolve(word),
        hint: existsSync(word) ? `Track it with: varve init ${shellLine([word])}` : undefined,
      },
    );
  }
  if (!isTracked(word)) throw withinTracked(word, location);
  const repository = await openRepository({ ...session, store: location.store });
  return { repository, target: findTarget(repository, undefined) };
}

/** Else `rollback etc/hosts`, a habit from git, would roll back everything. */
export function withinTracked(word: string, { tracked = "" }: StoreLocation): VarveError {
  const place = shellLine([word]);
  return new VarveError(
    "TARGET_UNKNOWN",
    `Cannot take "${word}" for a tracked directory: it is a path in one, "${tracked}", wanted all of that`,
    {
      path: path.resolve(word),
      hint: `Paths come after "--": varve diff -- ${place}, varve log -- ${place}. One file as it was: varve restore -- ${place}`,
    },
  );
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
