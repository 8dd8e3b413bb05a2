import { constants, createReadStream, openSync, statSync } from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { VarveError } from "../core/errors.js";
import type { ImportSource } from "../core/operations/import-source.js";
import { openDownload } from "./open-repository.js";
import { interruptionSignal, yieldToSignals } from "../core/yield-to-signals.js";

/**
 * What SOURCE means. Before a store is opened, or even made: a source that is not there is the more likely slip.
 * @param verb For messages.
 * @throws VarveError SOURCE_MISSING, SOURCE_UNREADABLE, WRONG_TYPE, USAGE.
 */
export async function openImportSource(source: string, verb: string = "import"): Promise<ImportSource> {
  if (source === "-") return { kind: "tar", name: "the archive on stdin", stream: interruptible(openStdin(verb)) };
  if (/^https?:\/\//i.test(source))
    return { kind: "tar", name: `"${source}"`, stream: interruptible(Readable.from(await openDownload(source))) };
  const place = path.resolve(source);
  const stat = readable(source, () => statSync(source, { throwIfNoEntry: false }));
  if (stat === undefined && /^[a-z][a-z0-9+.-]*:\/\//i.test(source)) {
    throw new VarveError("USAGE", `Cannot ${verb} "${source}": wanted a URL that begins with http:// or https://`, {
      hint: "Have another program fetch it, and send it on through a pipe.",
    });
  }
  if (stat === undefined) {
    throw new VarveError("SOURCE_MISSING", `Cannot ${verb} "${source}": there is no such file or directory`, { path: place });
  }
  if (stat.isDirectory()) return { kind: "directory", path: place };
  const name = `"${source}"`;
  if (stat.isFile()) return { kind: "tar", name, stream: interruptible(openFile(source)) };
  if (stat.isFIFO()) return { kind: "tar", name, stream: interruptible(await openPipe(source)) };
  throw new VarveError("WRONG_TYPE", `Cannot ${verb} "${source}": wanted a directory or a tar archive`, { path: place });
}

/** @throws VarveError SOURCE_UNREADABLE, with what the system says. */
function readable<Result>(source: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    const state = STATES[code];
    if (state === undefined) throw error;
    throw new VarveError("SOURCE_UNREADABLE", `Cannot read "${source}": ${state}`, {
      path: path.resolve(source),
      hint: code === "ENAMETOOLONG" ? undefined : "Run the command as a user who may read it, such as root.",
      cause: error,
    });
  }
}

const STATES: Readonly<Record<string, string>> = {
  EACCES: "permission denied, wanted read access",
  EPERM: "permission denied, wanted read access",
  ENAMETOOLONG: "its name is too long",
};

/** Opened at once: a stream would tell of a file that may not be read when the store has been made. */
function openFile(source: string): Readable {
  return createReadStream("", { fd: readable(source, () => openSync(source, "r")) });
}

function openStdin(verb: string): Readable {
  if (!process.stdin.isTTY) return process.stdin;
  const command = verb === "import" ? "varve import - -b BRANCH" : "varve diff REV -";
  throw new VarveError("USAGE", `Cannot ${verb} from the terminal: wanted an archive on stdin`, {
    hint: `Send one through a pipe, such as \`docker export NAME | ${command}\`.`,
  });
}

/** `varve import <(zcat root.tar.z)`. A blocking read of a pipe would hold the process, even its end. */
async function openPipe(source: string): Promise<Readable> {
  const { Socket } = await import("node:net");
  const fd = readable(source, () => openSync(source, constants.O_RDONLY | constants.O_NONBLOCK));
  return new Socket({ fd, readable: true, writable: false });
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
