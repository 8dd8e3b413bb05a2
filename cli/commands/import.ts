import { createReadStream, statSync } from "node:fs";
import path from "node:path";
import { importSource, type ImportSource } from "../../core/operations/import-source.js";
import { interruptionSignal, yieldToSignals } from "../../core/operations/yield-to-signals.js";
import { branchRef } from "../../core/revision/ref-names.js";
import { VarveError } from "../../core/errors.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { showProgress } from "../progress.js";
import { reportCommit, whenNothingToCommit } from "../report-commit.js";

const options = {
  branch: {
    type: "string",
    alias: "b",
    value: "BRANCH",
    describe: "Branch that gets the commit; made when absent (default: main)",
  },
  message: { type: "string", alias: "m", value: "MSG", describe: "The commit's message (default: what was imported)" },
} as const;

export const importCommand: Command = command(
  {
    name: "import",
    form: "SOURCE [-b BRANCH] [-m MSG]",
    summary: "Commit a directory or a tar archive to a branch",
    description: `Commits a whole tree from outside: SOURCE is a directory, a tar archive (plain, gzip, zstd or xz), or "-" for an
archive on stdin. Owners, times, xattrs, hardlinks, devices and holes are kept. What the branch holds already is not stored again.`,
    words: [{ name: "SOURCE", required: true }],
    options,
    examples: [
      ['varve import ./rootfs -b base -m "Debian 12"', "a directory"],
      ["varve import rootfs.tar.xz -b base", "an archive"],
      ["docker export web | varve import - -b web", "a container of docker's"],
    ],
    statuses: [
      ["1", "nothing to commit: the branch holds that tree already"],
      ["40-43", "the source is missing, changed meanwhile, unreadable or invalid"],
    ],
  },
  async ({ words: [source = ""], options: { branch = "main", message }, session }) => {
    const ref = branchRef(branch);
    const opened = openSource(source);
    const repository = await openRepository(session, { make: true });
    const says = message ?? `import ${source === "-" ? "from stdin" : path.basename(path.resolve(source))}`;
    const observe = showProgress(session.terminal);
    return whenNothingToCommit(session, async () => {
      const result = await importSource(repository, opened, { branch: ref, message: says, command: session.typed, observe });
      const isNew = result.commit.parents.length === 0;
      reportCommit(
        session,
        result,
        isNew ? `Look at it: varve ls ${branch}. Run something on it: varve run ${branch} -- CMD…` : undefined,
      );
    });
  },
);

/** Before a store is opened, or even made: a source that is not there is the more likely slip. */
function openSource(source: string): ImportSource {
  const signal = interruptionSignal();
  if (source === "-") return { kind: "tar", stream: interruptible(createReadStream("", { fd: 0, autoClose: false, signal })) };
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new VarveError("SOURCE_MISSING", `Cannot import "${source}": there is no such file or directory`, {
      path: path.resolve(source),
    });
  }
  if (stat.isDirectory()) return { kind: "directory", path: path.resolve(source) };
  if (stat.isFile() || stat.isFIFO()) return { kind: "tar", stream: interruptible(createReadStream(source, { signal })) };
  throw new VarveError("WRONG_TYPE", `Cannot import "${source}": wanted a directory or a tar archive`, {
    path: path.resolve(source),
  });
}

/** A pipe may bring nothing for long: then no loop of ours hears of the signal, but the stream does. */
async function* interruptible(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    if (interruptionSignal().aborted) await yieldToSignals();
    throw error;
  }
}
