import { constants, createReadStream, openSync, statSync } from "node:fs";
import path from "node:path";
import type { Readable } from "node:stream";
import { importSource, type ImportSource } from "../../core/operations/import-source.js";
import { interruptionSignal, yieldToSignals } from "../../core/yield-to-signals.js";
import { branchRef } from "../../core/revision/ref-names.js";
import { VarveError } from "../../core/errors.js";
import { command, type Command } from "../command.js";
import { EXCLUDE_OPTION, excludedPatterns, excludeNeedsDirectory } from "../exclude-option.js";
import { openRepository } from "../open-repository.js";
import { showProgress } from "../progress.js";
import { reportCommit, whenNothingToCommit } from "../report-commit.js";
import { shellLine } from "../shell-line.js";

const options = {
  branch: {
    type: "string",
    alias: "b",
    value: "BRANCH",
    describe: "Branch that gets the commit; made when absent (default: main)",
  },
  message: { type: "string", alias: "m", value: "MSG", describe: "The commit's message (default: what was imported)" },
  exclude: EXCLUDE_OPTION,
} as const;

export const importCommand: Command = command(
  {
    name: "import",
    form: "SOURCE [-b BRANCH] [-m MSG]",
    summary: "Commit a directory or a tar archive to a branch",
    description: `Commits a whole tree from outside: SOURCE is a directory, a tar archive (plain, gzip, zstd or xz), or "-" for an
archive on stdin. Owners, times, xattrs, hardlinks, devices and holes are kept. What the branch holds already is not stored again.
Of a directory, what its .varveignore files say is left out.`,
    words: [{ name: "SOURCE", required: true }],
    options,
    examples: [
      ['varve import ./rootfs -b base -m "Debian 12"', "a directory"],
      ["varve import / -b host --exclude '/proc/*' --exclude '/var/cache/**/*.deb'", "this machine, without some of it"],
      ["varve import rootfs.tar.xz -b base", "an archive"],
      ["docker export web | varve import - -b web", "a container of docker's"],
    ],
    statuses: [
      ["1", "nothing to commit: the branch holds that tree already"],
      ["40-43", "the source is missing, changed meanwhile, unreadable or invalid"],
    ],
  },
  async ({ words: [source = ""], options: { branch = "main", message, exclude }, session }) => {
    const ref = branchRef(branch);
    const opened = await openSource(source);
    const patterns = excludedPatterns(exclude);
    if (patterns.length > 0 && opened.kind === "tar") throw excludeNeedsDirectory("import an archive");
    const repository = await openRepository(session, { make: true });
    const says = message ?? `import ${source === "-" ? "from stdin" : path.basename(path.resolve(source))}`;
    const observe = showProgress(session.terminal);
    return whenNothingToCommit(session, async () => {
      const result = await importSource(repository, opened, {
        branch: ref,
        message: says,
        exclude: patterns,
        command: session.typed,
        observe,
      });
      const name = shellLine([branch]);
      const isNew = result.commit.parents.length === 0;
      reportCommit(
        session,
        result,
        isNew ? `Look at it: varve ls ${name}. Run something on it: varve run ${name} -- CMD…` : undefined,
      );
    });
  },
);

/** Before a store is opened, or even made: a source that is not there is the more likely slip. */
async function openSource(source: string): Promise<ImportSource> {
  if (source === "-") return { kind: "tar", stream: interruptible(openStdin()) };
  const stat = statSync(source, { throwIfNoEntry: false });
  const place = path.resolve(source);
  if (stat === undefined) {
    throw new VarveError("SOURCE_MISSING", `Cannot import "${source}": there is no such file or directory`, { path: place });
  }
  if (stat.isDirectory()) return { kind: "directory", path: place };
  if (stat.isFile()) return { kind: "tar", stream: interruptible(createReadStream(source)) };
  if (stat.isFIFO()) return { kind: "tar", stream: interruptible(await openPipe(source)) };
  throw new VarveError("WRONG_TYPE", `Cannot import "${source}": wanted a directory or a tar archive`, { path: place });
}

function openStdin(): Readable {
  if (!process.stdin.isTTY) return process.stdin;
  throw new VarveError("USAGE", "Cannot import from the terminal: wanted an archive on stdin", {
    hint: "Send one through a pipe, such as `docker export NAME | varve import - -b BRANCH`.",
  });
}

/** `varve import <(zcat root.tar.z)`. A blocking read of a pipe would hold the process, even its end. */
async function openPipe(source: string): Promise<Readable> {
  const { Socket } = await import("node:net");
  return new Socket({ fd: openSync(source, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false });
}

/** A pipe may bring nothing for long: then no loop of ours hears of a signal, but the stream does. */
async function* interruptible(stream: Readable): AsyncGenerator<Uint8Array> {
  const signal = interruptionSignal();
  const stop = (): void => void stream.destroy();
  signal.addEventListener("abort", stop);
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
  if (signal.aborted) await yieldToSignals();
}
