import { mkdirSync, statSync } from "node:fs";
import path from "node:path";
import { hasCode } from "./errno.js";

/**
 * Makes a directory and those above it that are missing, as `mkdir -p`. Node's own `recursive` never ends where a parent is there and yet
 * nothing can be made in it, as in /proc.
 *
 * @param directory Absolute.
 * @returns The topmost one that was made; `undefined` when all were there.
 * @throws Node's error: EEXIST when something else stands there, ENOENT where nothing can be made.
 */
export function makeDirectories(directory: string, mode = 0o777): string | undefined {
  const missing: string[] = [];
  let at = directory;
  let state = makeOne(at, mode);
  for (; state === "lacks its parent"; state = makeOne(at, mode)) {
    missing.push(at);
    at = path.dirname(at);
  }
  const below = missing.reverse();
  for (const each of below) mkdirOrThere(each, mode);
  return state === "made" ? at : below[0];
}

type State = "made" | "was there" | "lacks its parent";

function makeOne(directory: string, mode: number): State {
  try {
    return mkdirOrThere(directory, mode);
  } catch (error) {
    if (!hasCode(error, "ENOENT") || path.dirname(directory) === directory) throw error;
    return "lacks its parent";
  }
}

function mkdirOrThere(directory: string, mode: number): "made" | "was there" {
  try {
    mkdirSync(directory, mode);
    return "made";
  } catch (error) {
    if (!hasCode(error, "EEXIST") || !statSync(directory).isDirectory()) throw error;
    return "was there";
  }
}
