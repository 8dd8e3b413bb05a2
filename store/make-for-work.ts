import { chmodSync, existsSync, readdirSync, rmdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../core/errors.js";
import { initStore, namesOf } from "./init-store.js";
import { storeLayout, type StoreLayout } from "./store-layout.js";
import { exclusively } from "./store-lock.js";

/** What stood where a store is to be made. */
interface PlaceBefore {
  /** The topmost directory that has to be made; `undefined` when the store's own is there. */
  readonly missing: string | undefined;
  /** Permissions of the store's own directory, when it is there and empty. */
  readonly emptyMode: number | undefined;
}

/** A store that was made for one command's work. */
export interface MadeForWork {
  /**
   * For when the work failed: the place is as it was before. A store that another command uses, or has put something into, stays.
   * @returns Whether it is gone.
   */
  takeBack(): Promise<boolean>;
}

/**
 * Makes a store for what is about to come into it.
 *
 * @param directory The store itself, absolute.
 * @returns `undefined` when another command was first, and there is one.
 * @throws VarveError As `initStore`, but for STORE_EXISTS.
 */
export function makeForWork(directory: string): MadeForWork | undefined {
  const before = placeBefore(directory);
  try {
    initStore(directory);
  } catch (error) {
    if (error instanceof VarveError && error.code === "STORE_EXISTS") return undefined;
    throw error;
  }
  return { takeBack: () => unmake(storeLayout(directory), before) };
}

function placeBefore(directory: string): PlaceBefore {
  if (existsSync(directory)) return { missing: undefined, emptyMode: modeOfEmpty(directory) };
  let missing = directory;
  for (let above = path.dirname(missing); !existsSync(above) && above !== missing; above = path.dirname(above)) missing = above;
  return { missing, emptyMode: undefined };
}

function modeOfEmpty(directory: string): number | undefined {
  try {
    return readdirSync(directory).length === 0 ? statSync(directory).mode & 0o7777 : undefined;
  } catch {
    return undefined;
  }
}

async function unmake(layout: StoreLayout, { missing, emptyMode }: PlaceBefore): Promise<boolean> {
  // An init that was stopped half-way had begun it.
  if (missing === undefined && emptyMode === undefined) return false;
  try {
    return await exclusively(layout, async () => isUntouched(layout) && remove(layout, missing, emptyMode), { wait: false });
  } catch {
    // Somebody else has it, or it can't be removed: why the work failed matters more.
    return false;
  }
}

/** Layers and blobs that came in whole stay, too: the next try goes on from them. */
function isUntouched({ operations, git, layers, blobs, containers, volumes, root }: StoreLayout): boolean {
  const holds = (folder: string): boolean => existsSync(folder) && readdirSync(folder).length > 0;
  const refs = readdirSync(path.join(git, "refs"), { recursive: true, withFileTypes: true });
  if (refs.some((entry) => !entry.isDirectory()) || existsSync(path.join(git, "packed-refs"))) return false;
  return ![operations, layers, path.join(blobs, "sha256"), containers, volumes, path.join(root, "networks")].some(holds);
}

function remove(layout: StoreLayout, missing: string | undefined, emptyMode: number | undefined): true {
  const { root, format } = layout;
  // Without it there is no store: killed on the way, the next command that makes one completes it.
  rmSync(format);
  // What else somebody has put there stays, and the directory with it.
  for (const name of namesOf(layout)) rmSync(path.join(root, name), { recursive: true, force: true });
  if (missing === undefined) chmodSync(root, emptyMode!);
  else
    for (let at = root; ; at = path.dirname(at)) {
      rmdirSync(at);
      if (at === missing) break;
    }
  return true;
}
