import { readdirSync } from "node:fs";
import path from "node:path";
import { errnoOf, systemFailure } from "../system-failure.js";
import type { GitObjects } from "./git-objects.js";

/** Ids of objects, of any kind, that begin with `prefix` (at least two hex digits), in ascending order. */
export async function findObjects(git: string, objects: GitObjects, prefix: string): Promise<readonly string[]> {
  const folder = prefix.slice(0, 2);
  const loose = namesIn(path.join(git, "objects", folder)).filter((name) => /^[0-9a-f]{38}$/.test(name));
  const found = loose.map((name) => folder + name).filter((id) => id.startsWith(prefix));
  const hasPacks = namesIn(path.join(git, "objects", "pack")).some((name) => name.endsWith(".idx"));
  const packed = hasPacks ? await objects.findPacked(prefix) : [];
  return [...new Set([...found, ...packed])].sort();
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw systemFailure("look up an object", error, directory);
  }
}
