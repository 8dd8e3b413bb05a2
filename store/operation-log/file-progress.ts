import { lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { Progress, ProgressSlot, WorkInProgress } from "../../core/ports/work-in-progress.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { replaceFile, syncDirectory } from "../durable-file.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { checkProgress, isProgressSlot } from "./progress-record.js";

/** A rebase of 100,000 commits. */
const LARGEST_BYTES = 2 ** 26;

/** `progress/<slot>.json`: docs/on-disk-format.md, section 6.1. */
export function fileProgress(layout: StoreLayout): WorkInProgress {
  const fileOf = (slot: ProgressSlot): string => path.join(layout.progress, `${slot}.json`);
  return {
    read: (slot) => read(fileOf(slot)),
    write: (slot, progress) => {
      if (!isProgressSlot(slot)) throw new TypeError(`no slot: ${slot}`);
      write(layout, fileOf(slot), progress);
    },
    list: () =>
      slotsIn(layout.progress).flatMap((slot) => {
        const progress = read(fileOf(slot));
        return progress === undefined ? [] : [{ slot, progress }];
      }),
  };
}

function slotsIn(folder: string): readonly ProgressSlot[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
    return names
      .map((name) => name.slice(0, -".json".length))
      .filter(isProgressSlot)
      .sort();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw systemFailure("list what is in progress", error, folder);
  }
}

function read(file: string): Progress | undefined {
  let text: string;
  try {
    text = readRegularFile(file, { largest: LARGEST_BYTES }).toString("utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    if (["EFTYPE", "ELOOP", "EFBIG"].includes(errnoOf(error) ?? "")) throw damaged(file, error);
    throw systemFailure("read what is in progress", error, file);
  }
  try {
    return checkProgress(JSON.parse(text));
  } catch (error) {
    throw damaged(file, error);
  }
}

function write(layout: StoreLayout, file: string, progress: Progress | undefined): void {
  try {
    if (progress === undefined) {
      if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return;
      rmSync(file, { force: true });
      syncFolder(layout.progress);
    } else {
      mkdirSync(layout.progress, { recursive: true });
      replaceFile(file, Buffer.from(`${JSON.stringify(progress, undefined, 2)}\n`), scratchPath(layout, "progress"));
    }
  } catch (error) {
    throw systemFailure("write what is in progress", error, file);
  }
}

function syncFolder(folder: string): void {
  try {
    syncDirectory(folder);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}

function damaged(file: string, cause: unknown): VarveError {
  return new VarveError("STORE_DAMAGED", `Cannot read what is in progress: ${(cause as Error).message}`, {
    path: file,
    hint: "Delete the file to give up the merge, rebase or bisection that it tells of; `varve undo` takes back what it did.",
    cause,
  });
}
