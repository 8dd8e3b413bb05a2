import type { CommitResult } from "../../core/operations/commit-target.js";
import type { Origin } from "../../core/model/commit.js";
import type { LogEntry } from "../../core/operations/history/read-log.js";
import { jsonPath, refText } from "./names.js";
import { isoTime } from "./timestamps.js";

/** What `import --json` and `commit --json` print: docs/json.md, "commit". */
export function commitResultJson({ commit, branch, ignored, mounts }: CommitResult): Record<string, unknown> {
  const { id, tree, layer, parents, added, modified, deleted, storedBytes, sockets } = commit;
  const counts = { added, modified, deleted, storedBytes, ignored, sockets };
  const left = mounts.map((place) => jsonPath("path", place));
  return { commit: id, tree, layer, branch: refText(branch), parents, ...counts, mounts: left };
}

/** One element of what `log --json` prints: docs/json.md, "log". */
export function logEntryJson({ commit, refs, names = [] }: LogEntry): Record<string, unknown> {
  const [name] = names;
  const { id, parents, tree, layer, author, message, added, modified, deleted, storedBytes, origin } = commit;
  return {
    commit: id,
    parents,
    tree,
    layer,
    author: { name: author.name, email: author.email },
    time: isoTime(author),
    message,
    refs: refs.map(refText),
    added,
    modified,
    deleted,
    storedBytes,
    origin: origin === undefined ? null : originJson(origin),
    ...(name === undefined ? {} : jsonPath("path", name)),
  };
}

function originJson({ command, exitCode, durationMilliseconds }: Origin): Record<string, unknown> {
  return { command, exitCode, durationMilliseconds };
}
