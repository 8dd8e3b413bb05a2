import { mkdirSync, statSync } from "node:fs";
import path from "node:path";
import { hasCode } from "./errno.js";

/**
 * Makes a directory and those above it that are missing, as `mkdir -p`. Node's own `recursive` never ends where a parent is there and yet
 * nothing can be made in it, as in /proc.
 *
 * @param directory Absolute.
 * @throws Node's error: EEXIST when something else stands there, ENOENT where nothing can be made.
 */
export function makeDirectories(directory: string, mode = 0o777): void {
  const missing: string[] = [];
  for (let at = directory; !makeOne(at, mode); at = path.dirname(at)) missing.push(at);
  for (const at of missing.reverse()) mkdirOrThere(at, mode);
}

/** @returns False when what is above it is missing. */
function makeOne(directory: string, mode: number): boolean {
  try {
    mkdirOrThere(directory, mode);
    return true;
  } catch (error) {
    if (!hasCode(error, "ENOENT") || path.dirname(directory) === directory) throw error;
    return false;
  }
}

function mkdirOrThere(directory: string, mode: number): void {
  try {
    mkdirSync(directory, mode);
  } catch (error) {
    if (!hasCode(error, "EEXIST") || !statSync(directory).isDirectory()) throw error;
  }
}
