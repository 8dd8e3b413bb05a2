import { existsSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { cloneHistory, type ClonedHistory, type CloneSource } from "../../core/exchange/history/clone-history.js";
import { DEFAULT_REGISTRY, parseImageReference, shortImageName } from "../../core/image/image-reference.js";
import { branchRef } from "../../core/revision/ref-names.js";
import { command, type Command, type Session } from "../command.js";
import { REGISTRY_OPTIONS } from "../image-options.js";
import { openImageSource } from "../image-source.js";
import { openRepository, takeClonePlace } from "../open-repository.js";
import { showLayers } from "../progress.js";
import { printJson } from "../render/json-array.js";
import { refText, shortId } from "../render/names.js";
import { counted, readableBytes } from "../render/quantities.js";
import { TRACKED_STORE } from "../store-location.js";
import { tellSetbacks } from "../transfer-lines.js";

const options = {
  bare: { type: "boolean", describe: "DIR becomes a store that tracks no directory; nothing is checked out" },
  branch: {
    type: "string",
    alias: "b",
    value: "BRANCH",
    describe: "Stand on that branch (default: the one that the source stands on)",
  },
  ...REGISTRY_OPTIONS,
} as const;

const FILE_ENDING = /\.(?:varve|bundle|tar)$/;

export const cloneCommand: Command = command(
  {
    name: "clone",
    form: "SOURCE [DIR]",
    summary: "Make a new store of another one's history: from a registry, or a bundle",
    description: `SOURCE is the reference of an image that varve pushed with its history, or a file of varve bundle, or its URL. All commits, branches and tags
that travel are there afterwards as they were, bit for bit. DIR (default: the last part of SOURCE's name) becomes a tracked directory with the
files of the branch, for which owners and devices need root; with --bare it becomes a store alone, which needs no privileges. DIR must be absent
or empty, or hold a clone of the same SOURCE that was killed: that one is gone on with. A clone that fails leaves all as it was.`,
    words: [
      { name: "SOURCE", required: true },
      { name: "DIR", required: false },
    ],
    options,
    examples: [
      ["varve clone registry.lan/team/web:2", "into ./web"],
      ["varve clone all.varve /srv/store --bare", "a bundle, into a store that tracks no directory"],
    ],
    statuses: [
      ["36", "DIR is not empty"],
      ["40", "no history came with the image"],
      ["43", "the history is damaged"],
    ],
  },
  async ({ words: [word = "", named], options: { bare, branch, insecure }, session }) => {
    if (branch !== undefined) branchRef(branch);
    const source = await sourceOf(word, insecure, session);
    const directory = path.resolve(named ?? nameOf(word, source));
    const store = bare ? directory : path.join(directory, TRACKED_STORE);
    session.terminal.say(`Cloning into '${named ?? path.basename(directory)}'...`);
    const place = await takeClonePlace({ directory, store, source: identityOf(word, source), branch: branch ?? "main" });
    if (place.isBegun) session.terminal.say("Going on with the clone that was stopped there");
    try {
      const repository = await openRepository({ ...session, store });
      const cloned = await cloneHistory(repository, source, {
        command: session.typed,
        branch,
        onLayer: showLayers(session.terminal),
      });
      place.finish();
      session.terminal.progress("");
      report(session, { directory, store, bare }, cloned);
    } catch (error) {
      session.terminal.progress("");
      // What somebody put there meanwhile is theirs.
      if (!isOccupied(error)) place.leave();
      throw withWayOut(error);
    }
  },
);

async function sourceOf(word: string, insecure: readonly string[], { terminal }: Session): Promise<CloneSource> {
  if (/^https?:\/\//i.test(word) || existsSync(word)) return { kind: "file", source: await openImageSource(word, "clone") };
  if (/^(?:\.{0,2}\/|~)/.test(word)) throw noSuchFile(word);
  const reference = parseImageReference(word);
  // docker.io has no such names; who types one means a file.
  if (reference.registry === DEFAULT_REGISTRY && FILE_ENDING.test(word)) throw noSuchFile(word);
  return { kind: "image", reference, written: word, insecure: new Set(insecure), onSetback: tellSetbacks(terminal) };
}

function noSuchFile(word: string): VarveError {
  return new VarveError("SOURCE_MISSING", `Cannot clone "${word}": there is no such file`, { path: path.resolve(word) });
}

/** As git: the last part of the name, without what tells its form. */
function nameOf(word: string, source: CloneSource): string {
  if (source.kind === "image") return path.posix.basename(source.reference.repository);
  return path.basename(word.replace(/[?#].*$/, "")).replace(FILE_ENDING, "");
}

/** By what a clone that was stopped knows its source again. Of a URL without what may be secret, and differ each time. */
function identityOf(word: string, source: CloneSource): string {
  if (source.kind === "image") return shortImageName(source.reference);
  if (!/^https?:\/\//i.test(word)) return path.resolve(word);
  const { origin, pathname } = new URL(word);
  return origin + pathname;
}

function isOccupied(error: unknown): boolean {
  return error instanceof VarveError && error.code === "DESTINATION_NOT_EMPTY";
}

function withWayOut(error: unknown): unknown {
  if (!(error instanceof VarveError) || error.code !== "PERMISSION") return error;
  const hint = `${error.hint ?? ""} A store alone, without files that have owners, needs no privileges: --bare`.trim();
  return new VarveError(error.code, error.message, { path: error.path, hint, cause: error });
}

function report(
  { terminal, json }: Session,
  { directory, store, bare }: { readonly directory: string; readonly store: string; readonly bare: boolean },
  { head, commit, branches, commits, layers, bytes }: ClonedHistory,
): void {
  if (json)
    return printJson(terminal, {
      store,
      directory: bare ? null : directory,
      branch: refText(head),
      commit: commit.id,
      branches,
      commits,
      layers,
      bytes,
    });
  const all = [counted(commits, "commit"), counted(branches, "branch", "branches"), counted(layers, "layer")];
  terminal.say(`${all.join(", ")} (${readableBytes(bytes)}); on ${refText(head)} at ${shortId(commit.id)}`);
}
