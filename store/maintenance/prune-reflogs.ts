import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import type { CommitId } from "../../core/model/ids.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { replaceFile } from "../durable-file.js";
import { LARGEST_LOG_BYTES } from "../git/reflog.js";
import { lockFile } from "../git/ref-lock.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";

const LINE = /^([0-9a-f]{40}) ([0-9a-f]{40}) (.*)$/s;
const NO_COMMIT = "0".repeat(40);

/**
 * Takes the lines that lead to commits which are about to go out of git's logs: `git fsck` calls a log that names a missing commit damaged. A line
 * that is left begins where the one before it ends, as after `git reflog expire --rewrite`.
 *
 * @throws VarveError STORE_LOCKED.
 */
export async function pruneReflogs(layout: StoreLayout, gone: ReadonlySet<CommitId>): Promise<void> {
  const logs = path.join(layout.git, "logs");
  if (!existsSync(logs)) return;
  for (const name of readdirSync(logs, { recursive: true, withFileTypes: true, encoding: "utf8" })) {
    if (!name.isFile()) continue;
    const file = path.join(name.parentPath, name.name);
    if (prunedText(readRegularFile(file, { largest: LARGEST_LOG_BYTES }).toString("utf8"), gone) === undefined) continue;
    // Whoever appends to a log holds the lock of its ref; git's own commands too.
    const lock = await lockFile(layout, path.join(layout.git, path.relative(logs, file)), undefined);
    try {
      const text = prunedText(readRegularFile(file, { largest: LARGEST_LOG_BYTES }).toString("utf8"), gone);
      if (text !== undefined) replaceFile(file, Buffer.from(text), scratchPath(layout, "reflog"));
    } finally {
      lock.release();
    }
  }
}

/** @returns `undefined` when no line names one of them. */
function prunedText(text: string, gone: ReadonlySet<CommitId>): string | undefined {
  const lines: string[] = [];
  let last: string | undefined;
  let changed = false;
  for (const line of text.split("\n")) {
    const [, before = "", after = "", rest = ""] = LINE.exec(line) ?? [];
    if (gone.has(after as CommitId)) {
      changed = true;
      continue;
    }
    const begin = gone.has(before as CommitId) ? (last ?? NO_COMMIT) : before;
    changed ||= begin !== before;
    lines.push(rest === "" ? line : `${begin} ${after} ${rest}`);
    last = rest === "" ? last : after;
  }
  return changed ? lines.join("\n") : undefined;
}
