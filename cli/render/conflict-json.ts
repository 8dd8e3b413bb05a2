import type { ConflictRecord } from "../../core/merge/conflict-state.js";
import type { MergeNote } from "../../core/merge/conflict.js";
import { jsonPath } from "./names.js";

/** One conflict: docs/json.md, "merge". */
export function conflictJson({
  path,
  kind,
  details,
  isMarked,
  files,
  renamed,
  isResolved,
}: ConflictRecord): Record<string, unknown> {
  const place = (key: string, at: typeof path | undefined): Record<string, unknown> =>
    at === undefined ? {} : jsonPath(key, at);
  return {
    ...jsonPath("path", path),
    kind,
    details,
    marked: isMarked,
    files: files.map((file) => jsonPath("path", file)),
    renamed:
      renamed === undefined
        ? null
        : { ...place("from", renamed.from), ...place("ours", renamed.ours), ...place("theirs", renamed.theirs) },
    resolved: isResolved,
  };
}

export function noteJson({ path, text }: MergeNote): Record<string, unknown> {
  return { ...jsonPath("path", path), text };
}
