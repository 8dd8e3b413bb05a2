import { commitTarget } from "../../core/operations/commit-target.js";
import { VarveError } from "../../core/errors.js";
import type { ByteString } from "../../core/model/byte-string.js";
import { normalizePath } from "../../core/model/paths.js";
import { CHANGE_OPTION } from "../change-option.js";
import { command, type Command } from "../command.js";
import { EXCLUDE_OPTION, excludedPatterns, excludeNeedsDirectory } from "../exclude-option.js";
import { openTarget } from "../open-target.js";
import { bytesOfWord } from "../process-arguments.js";
import { showProgress } from "../progress.js";
import { reportCommit, whenNothingToCommit } from "../report-commit.js";

const options = {
  message: { type: "string", alias: "m", value: "MSG", describe: "What the commit is about" },
  exclude: EXCLUDE_OPTION,
  "include-mount": {
    type: "string",
    array: true,
    value: "PATH",
    describe: "Of a container: commit what is mounted on PATH, too",
  },
  change: CHANGE_OPTION,
} as const;

export const commitCommand: Command = command(
  {
    name: "commit",
    form: "[TARGET] -m MSG",
    summary: "Record the tree of a directory or container as a new commit",
    description: `TARGET is a container, or a tracked directory's path (default: the one that you stand in). Its branch moves to the
new commit. A running container is paused while its files are read. There is no staging area: a commit holds
the whole tree, and stores what differs. Of a directory it leaves out what .varveignore files say, unless the
last commit holds it. --change says what "varve run" starts on the commit, and how, in the words of a Dockerfile.
Of a container it leaves out what is mounted in it, such as volumes, and says so: below such a place the commit holds what the
one before held. --include-mount puts what is mounted there now into the commit; status and diff don't look there, and the next
commit keeps it.`,
    words: [{ name: "TARGET", required: false }],
    options,
    examples: [
      ['varve commit -m "before the upgrade"', "the tracked directory"],
      ["varve commit -m wip --exclude '*.log'", "without new logs"],
      ['varve commit web -m "nginx configured"', "the container web"],
      ["varve commit web -m 'with its data' --include-mount /var/lib/data", "and what its volume there holds"],
      [`varve commit web -m "a server" --change 'CMD ["nginx"]'`, "and what runs on it"],
    ],
    statuses: [["1", "nothing to commit"]],
  },
  async ({ words: [word], options: { message, exclude, change, "include-mount": included }, session }) => {
    if (message === undefined || message.trim() === "") {
      throw new VarveError("USAGE", "Cannot commit: the message is missing", {
        hint: 'Say what the commit is about: varve commit -m "…"',
      });
    }
    const { repository, target } = await openTarget(session, word);
    const patterns = excludedPatterns(exclude);
    if (patterns.length > 0 && target.kind === "container") throw excludeNeedsDirectory("commit a container");
    const includeMounts = included.map(mountPlace);
    if (includeMounts.length > 0 && target.kind === "directory") throw mountsNeedContainer();
    return whenNothingToCommit(session, async () => {
      const observe = showProgress(session.terminal);
      const options = { message, exclude: patterns, includeMounts, configChanges: change, command: session.typed, observe };
      const result = await commitTarget(repository, target, options);
      reportCommit(session, result, target.kind === "container" ? { takesMounts: ", --include-mount PATH takes it along" } : {});
    });
  },
);

/** @throws VarveError USAGE. */
function mountPlace(word: string): ByteString {
  if (word.startsWith("/") && normalizePath(bytesOfWord(word)) !== "") return normalizePath(bytesOfWord(word));
  throw new VarveError("USAGE", `Cannot read --include-mount "${word}": wanted an absolute path in the container, such as /data`);
}

function mountsNeedContainer(): VarveError {
  return new VarveError("USAGE", "Cannot commit a directory with --include-mount: it is for what is mounted in a container", {
    hint: "Leave the option out. To commit what is mounted elsewhere, import it.",
  });
}
