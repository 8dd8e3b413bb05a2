import { VarveError } from "../../core/errors.js";
import { makeBundle, type MadeBundle } from "../../core/exchange/history/make-bundle.js";
import { verifyBundle, type VerifiedBundle } from "../../core/exchange/history/verify-bundle.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { openImageSource } from "../image-source.js";
import { openOutsideImages, openRepository } from "../open-repository.js";
import { refuseArchiveOnStdout, writeOutput } from "../output-file.js";
import { printableLine } from "../printable.js";
import { showLayers, showReading } from "../progress.js";
import { printJson } from "../render/json-array.js";
import { shortId } from "../render/names.js";
import { counted, readableBytes } from "../render/quantities.js";

/** What an unknown revision exits with. */
const LACKING = 20;

const options = {
  all: { type: "boolean", describe: "Every branch, tag and image reference" },
  verify: { type: "boolean", describe: "Say what FILE holds, what it needs and whether it is whole; nothing is taken in" },
} as const;

export const bundleCommand: Command = command(
  {
    name: "bundle",
    form: "[A..]B… FILE | --all FILE | --verify FILE",
    summary: "Write commits, branches and layers to one file, for another store",
    description: `As git bundle: FILE gives back the same commits, trees and layers, bit for bit, in another store, with the branches and tags that are
named here. A..B holds what B has and A has not, for a store that has A; B alone holds all of its history. "varve load FILE" and "varve clone
FILE" take it. FILE is an OCI layout as one archive, "-" is stdout. The same commits give the same bytes. Layers that borrow blocks from layers
of other branches take those along, which is told.`,
    words: [{ name: "REV", required: true, many: true }],
    options,
    examples: [
      ["varve bundle main all-of-main.varve", "a branch with its whole history"],
      ["varve bundle v1..main update.varve", "what a site lacks that has v1"],
      ["varve bundle --all - | ssh host varve load -", "all that the store has, through a pipe"],
      ["varve bundle --verify update.varve", "whether it is whole, and can be loaded here"],
    ],
    statuses: [
      ["20", "no such revision; --verify: the store lacks commits that it stands on"],
      ["43", "--verify: it is damaged"],
    ],
  },
  async ({ words, options: { all, verify }, session }) => {
    const file = words.at(-1) ?? "";
    const revisions = words.slice(0, -1);
    if (verify) return verifyFile(session, words);
    if (revisions.length === 0 && !all)
      throw new VarveError("USAGE", "Cannot make a bundle: wanted what goes into it, and FILE", {
        hint: "Name branches, tags or ranges before FILE, or give --all: varve bundle main FILE",
      });
    if (file === "-") refuseArchiveOnStdout(session, "varve bundle REV -");
    const repository = await openRepository(session);
    const { terminal } = session;
    try {
      const made = await makeBundle(repository, revisions, all, showLayers(terminal, "compressing "));
      try {
        if (file === "-") await write(session, repository, made, async (chunk) => terminal.write(chunk));
        else await writeOutput(file, (take) => write(session, repository, made, take));
      } finally {
        made.history.close();
      }
      terminal.progress("");
      report(session, file, made);
    } finally {
      terminal.progress("");
    }
    return 0;
  },
);

async function write(
  { terminal }: Session,
  { images }: Repository,
  { history }: MadeBundle,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const ofBytes = bytesOf(history);
  const show = showReading(terminal);
  let bytes = 0;
  await images.writeHistory(history, async (chunk) => {
    await take(chunk);
    bytes += chunk.length;
    show({ bytes: Math.min(bytes, ofBytes), ofBytes });
  });
}

const bytesOf = ({ blobs }: MadeBundle["history"]): number => blobs.reduce((sum, { record }) => sum + record.size, 0);

function report({ terminal, json }: Session, file: string, { selection, history }: MadeBundle): void {
  const { refs, prerequisites, commits, layers, lenders } = selection;
  if (lenders.size > 0)
    terminal.complain(
      `varve: warning: ${counted(lenders.size, "layer")} of other branches ${lenders.size === 1 ? "goes" : "go"} along, since layers of these commits borrow from ${lenders.size === 1 ? "it" : "them"}\n`,
    );
  if (file === "-") return;
  const bytes = bytesOf(history);
  if (json)
    return printJson(terminal, {
      file,
      digest: history.manifest(undefined).record.digest,
      refs: refs.map(({ name, commit }) => ({ ref: name, commit })),
      prerequisites: prerequisites.map(({ commit }) => commit),
      commits: commits.length,
      layers: layers.length,
      foreignLayers: lenders.size,
      bytes,
    });
  const needs = prerequisites.length === 0 ? "" : `; needs ${prerequisites.map(({ commit }) => shortId(commit)).join(", ")}`;
  terminal.say(
    `Wrote ${file}: ${counted(commits.length, "commit")}, ${counted(layers.length, "layer")}, ${readableBytes(bytes)}${needs}`,
  );
}

async function verifyFile(session: Session, words: readonly string[]): Promise<number> {
  const [word = ""] = words;
  if (words.length > 1) throw new VarveError("USAGE", "Cannot verify a bundle: wanted one FILE");
  const source = await openImageSource(word, "verify");
  const repository = await storeIfAny(session);
  const verified = await verifyBundle(repository, () => openOutsideImages().open(source, {}));
  if (session.json) printJson(session.terminal, verifiedJson(word, verified));
  else tellVerified(session, word, verified);
  return verified.missing.length > 0 ? LACKING : 0;
}

async function storeIfAny(session: Session): Promise<Repository | undefined> {
  try {
    return await openRepository(session);
  } catch (error) {
    if (error instanceof VarveError && error.code === "STORE_MISSING") return undefined;
    throw error;
  }
}

/** In the words of `git bundle verify`. */
function tellVerified(
  { terminal }: Session,
  file: string,
  { refs, prerequisites, missing, commits, layers }: VerifiedBundle,
): void {
  terminal.print(refs.length === 1 ? "The bundle contains this ref:\n" : `The bundle contains these ${refs.length} refs:\n`);
  for (const { commit, name } of refs) terminal.print(`${commit} ${name}\n`);
  if (prerequisites.length === 0) terminal.print("The bundle records a complete history.\n");
  else
    terminal.print(
      prerequisites.length === 1
        ? "The bundle requires this commit:\n"
        : `The bundle requires these ${prerequisites.length} commits:\n`,
    );
  for (const { commit, subject } of prerequisites) terminal.print(`${commit} ${printableLine(subject)}\n`);
  terminal.print(`It has ${counted(commits, "commit")} and ${counted(layers, "layer")}, all of them whole.\n`);
  if (missing.length === 0) return terminal.say(`${file} is okay`);
  terminal.complain("varve: error: Repository lacks these prerequisite commits:\n");
  for (const { commit, subject } of missing) terminal.complain(`${commit} ${printableLine(subject)}\n`);
}

function verifiedJson(
  file: string,
  { refs, prerequisites, missing, commits, layers, digest }: VerifiedBundle,
): Record<string, unknown> {
  return {
    file,
    digest,
    refs: refs.map(({ name, commit }) => ({ ref: name, commit })),
    prerequisites: prerequisites.map(({ commit }) => commit),
    missing: missing.map(({ commit }) => commit),
    commits,
    layers,
  };
}
