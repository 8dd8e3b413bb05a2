import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { VOLUME_NAME, type NamedVolume, type Volumes } from "../../core/ports/volumes.js";
import { hasCode } from "../../linux/errno.js";
import { AT_FDCWD } from "../../linux/open-at.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { removeTree } from "../../linux/unlink.js";
import { syncDirectory } from "../../linux/sync.js";
import { objectOf, textOf, textTableOf } from "../checked-json.js";
import { systemFailure } from "../system-failure.js";
import { passingName, removeAbandoned } from "./abandoned.js";

/** What a volume holds, and what is known of it. */
const [DATA, RECORD] = ["data", "volume.json"];
const LARGEST_RECORD_BYTES = 2 ** 20;
/** No volume's name begins so. */
const UNFINISHED = ".new-";

/** Volumes kept in a directory each. @param directory `<store>/volumes`, absolute. Made when the first volume is. */
export function openVolumes(directory: string): Volumes {
  return {
    create: (name, { labels = {}, anonymous = false } = {}) => createVolume(directory, name, { labels, anonymous }),
    list: () => namesIn(directory).flatMap((name) => readVolume(directory, name) ?? []),
    find: (name) => {
      const found = VOLUME_NAME.test(name) ? readVolume(directory, name) : undefined;
      if (found !== undefined) return found;
      throw new VarveError("TARGET_UNKNOWN", `Cannot find the volume "${name}": there is none by that name`, {
        hint: '"varve volume ls" lists all volumes.',
      });
    },
    remove: (name) => removeVolume(directory, name),
  };
}

/** Where a volume lies, or will. */
export function volumePath(directory: string, name: string): string {
  return path.join(directory, name, DATA);
}

function createVolume(
  directory: string,
  name: string,
  { labels, anonymous }: Pick<NamedVolume, "labels" | "anonymous">,
): NamedVolume {
  if (!VOLUME_NAME.test(name)) {
    throw new VarveError(
      "BAD_NAME",
      `Cannot name a volume "${name}": wanted two or more letters, digits, "_", "." and "-", a letter or digit first`,
      {
        hint: 'A directory of this machine is given as a path: "./NAME".',
      },
    );
  }
  const there = readVolume(directory, name);
  if (there !== undefined) return there;
  const created = new Date().toISOString();
  const unfinished = path.join(directory, passingName(UNFINISHED, name));
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    removeAbandoned(directory, UNFINISHED);
    mkdirSync(unfinished, { mode: 0o700 });
    mkdirSync(path.join(unfinished, DATA), { mode: 0o755 });
    writeFileSync(
      path.join(unfinished, RECORD),
      `${JSON.stringify({ created, labels, ...(anonymous ? { anonymous } : {}) })}\n`,
      { mode: 0o600, flush: true },
    );
    renameSync(unfinished, path.join(directory, name));
    syncDirectory(latin1(directory));
  } catch (error) {
    if (existsSync(unfinished)) removeTree(AT_FDCWD, latin1(unfinished));
    // Another command made it meanwhile.
    const made = hasCode(error, "ENOTEMPTY", "EEXIST") ? readVolume(directory, name) : undefined;
    if (made !== undefined) return made;
    throw systemFailure(`make the volume "${name}"`, error, directory);
  }
  return { name, created, labels, anonymous, path: volumePath(directory, name) };
}

function readVolume(directory: string, name: string): NamedVolume | undefined {
  const file = path.join(directory, name, RECORD);
  try {
    const json = objectOf(JSON.parse(readRegularFile(file, { largest: LARGEST_RECORD_BYTES }).toString("utf8")), "the record");
    const labels = textTableOf(json["labels"], "labels");
    const [created, anonymous] = [textOf(json["created"], "created"), json["anonymous"] === true];
    return { name, created, labels, anonymous, path: volumePath(directory, name) };
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    if (!(error instanceof TypeError) && !(error instanceof SyntaxError))
      throw systemFailure("read a volume's record", error, file);
    throw new VarveError("STORE_DAMAGED", `Cannot read the volume's record: ${error.message}`, {
      path: file,
      hint: `What the volume holds is in "${DATA}" beside it. "varve volume rm" removes both.`,
      cause: error,
    });
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
      .filter((name) => VOLUME_NAME.test(name))
      .sort();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw systemFailure("list the volumes", error, directory);
  }
}

function removeVolume(directory: string, name: string): void {
  if (!VOLUME_NAME.test(name)) return;
  const [from, doomed] = [path.join(directory, name), path.join(directory, passingName(UNFINISHED, name))];
  try {
    // At once for all who look; what is in it may take a while.
    renameSync(from, doomed);
    removeTree(AT_FDCWD, latin1(doomed));
    syncDirectory(latin1(directory));
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw systemFailure(`remove the volume "${name}"`, error, from);
  }
}

function latin1(file: string): string {
  return Buffer.from(file, "utf8").toString("latin1");
}
