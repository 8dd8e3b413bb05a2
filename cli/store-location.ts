import { existsSync } from "node:fs";
import path from "node:path";
import { userOutside } from "../core/user-outside.js";

/** The name of a tracked directory's store. The same as STORE_NAME in store/store-layout.ts, which cli/ may not import. */
export const TRACKED_STORE = ".varve";

export interface StoreLocation {
  /** The store's directory, absolute. */
  readonly store: string;
  /** The tracked directory around it, when it is one's. */
  readonly tracked: string | undefined;
  /** Nobody named it: it stands above the directory where the command was given. */
  readonly wasFound?: boolean;
  /** Whether nobody named it: the shared store of this user, which the first command that writes may make. */
  readonly isDefault: boolean;
}

export interface Surroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly workingDirectory: string;
  readonly isRoot: boolean;
}

/** `--store`, else $VARVE_STORE, else the nearest ancestor's `.varve`, else the user's shared store. */
export function locateStore(named: string | undefined, { environment, workingDirectory, isRoot }: Surroundings): StoreLocation {
  const asked = named ?? nonEmpty(environment["VARVE_STORE"]);
  if (asked !== undefined) return storeAt(path.resolve(workingDirectory, asked));
  for (let directory = path.resolve(workingDirectory); ; directory = path.dirname(directory)) {
    const store = path.join(directory, TRACKED_STORE);
    if (existsSync(store)) return { store, tracked: directory, isDefault: false, wasFound: true };
    if (directory === path.dirname(directory)) break;
  }
  return { store: defaultStore(environment, isRoot), tracked: undefined, isDefault: true };
}

/** The store of a tracked directory, or of one of its ancestors; `undefined` when none is tracked. */
export function trackedStore(directory: string): StoreLocation | undefined {
  const found = locateStore(undefined, { environment: {}, workingDirectory: directory, isRoot: false });
  return found.tracked === undefined ? undefined : { ...found, wasFound: false };
}

/** Where a store that tracks no directory is made. */
export function sharedStore(named: string | undefined, { environment, workingDirectory, isRoot }: Surroundings): string {
  const asked = named ?? nonEmpty(environment["VARVE_STORE"]);
  return asked === undefined ? defaultStore(environment, isRoot) : path.resolve(workingDirectory, asked);
}

/** Those of this process. */
export function surroundings(): Surroundings {
  return { environment: process.env, workingDirectory: process.cwd(), isRoot: isRoot() };
}

/** Not who is called root in a user namespace of their own. */
function isRoot(): boolean {
  return process.geteuid?.() === 0 && userOutside(process.env) === undefined;
}

/** `--store` may name the store or, as people do, the directory that it tracks. */
function storeAt(named: string): StoreLocation {
  const inside = path.join(named, TRACKED_STORE);
  if (!existsSync(path.join(named, "format")) && existsSync(inside)) return { store: inside, tracked: named, isDefault: false };
  const tracked = path.basename(named) === TRACKED_STORE ? path.dirname(named) : undefined;
  return { store: named, tracked, isDefault: false };
}

/** @see the XDG Base Directory Specification: a relative path in its variables is to be ignored. */
function defaultStore(environment: NodeJS.ProcessEnv, isRoot: boolean): string {
  if (isRoot) return "/var/lib/varve";
  const given = nonEmpty(environment["XDG_DATA_HOME"]);
  const data = given !== undefined && path.isAbsolute(given) ? given : path.join(environment["HOME"] ?? "/", ".local/share");
  return path.join(data, "varve");
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
