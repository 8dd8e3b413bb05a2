import { VarveError } from "../../core/errors.js";
import { storedName } from "../../core/exchange/image-names.js";
import { parseImageReference, shortImageName } from "../../core/image/image-reference.js";
import { deleteRefs } from "../../core/operations/branches.js";
import type { Repository } from "../../core/ports/repository.js";
import { imagesById, isImageId } from "../../core/revision/image-ids.js";
import { imageRef } from "../../core/revision/ref-names.js";
import { command, type Command, type Session } from "../command.js";
import { REGISTRY_OPTIONS } from "../image-options.js";
import { openRepository, REGISTRIES } from "../open-repository.js";
import { printJsonArray } from "../render/json-array.js";

const options = {
  force: {
    type: "boolean",
    alias: "f",
    describe: "Of an ID: all names that the image has. With --remote: also when other tags go with it",
  },
  remote: { type: "boolean", describe: "Delete at the registry, not here: nothing brings that back" },
  ...REGISTRY_OPTIONS,
} as const;

export const rmiCommand: Command = command(
  {
    name: "rmi",
    form: "REFERENCE|ID…",
    summary: "Delete image references",
    description: `Deletes image references, all of them or none; without a tag, latest is meant. ID is what "varve images" shows, of the image or its
commit, or its first digits: that image's name, and with --force all names that it has. Commits and layers stay until "varve gc" finds that
nothing leads to them: "varve undo" brings the references back.

With --remote the registry deletes them, and nothing here changes. Some take a tag away alone. Others delete its manifest with all tags that it
has: if there are more, that needs --force. Many delete nothing before they are set up to; docker's registry by
REGISTRY_STORAGE_DELETE_ENABLED=true, and it frees the room by its own "garbage-collect".`,
    words: [{ name: "REFERENCE", required: true, many: true }],
    options,
    examples: [
      ["varve rmi debian:12 team/web:1", "two of them"],
      ["varve rmi -f $(varve images -q 'team/*')", "all names of some images"],
      ["varve rmi --remote registry.lan/team/web:1", "what a registry has"],
    ],
    statuses: [
      ["20", "no such reference"],
      ["21", "an ID that fits several images, or one with several names"],
      ["44", "the registry lets nothing be deleted"],
      ["83", "the registry has no such image"],
    ],
  },
  async ({ words, options: { remote, force, insecure }, session }) => {
    if (remote) return removeRemote(session, words, { force, insecure: new Set(insecure) });
    const repository = await openRepository(session);
    const named = await Promise.all(words.map((word) => namesOf(repository, word, force)));
    const names = [...new Set(named.flat())];
    const commits = await deleteRefs(repository, names.map(imageRef), { command: session.typed, force: true });
    if (session.json)
      return printJsonArray(
        session.terminal,
        names.map((reference, at) => ({ reference, commit: null, before: commits[at] })),
      );
    session.terminal.print(names.map((name) => `Untagged: ${name}\n`).join(""));
    session.terminal.say(`Take it back: varve undo. Free its room: varve gc`);
  },
);

/** The references that a word means. @throws VarveError REVISION_AMBIGUOUS for an id whose image has several names. */
async function namesOf({ history }: Repository, word: string, force: boolean): Promise<readonly string[]> {
  if (!isImageId(word) || (await history.readRef(imageRef(word.includes(":") ? word : `${word}:latest`))) !== undefined)
    return [storedName(word)];
  const found = (await imagesById(history, word, true)).map(({ reference }) => reference);
  if (found.length <= 1 || force) return found.length === 0 ? [storedName(word)] : found;
  throw new VarveError("REVISION_AMBIGUOUS", `Cannot delete the image "${word}": it has ${found.length} names`, {
    hint: `Name those that are to go, or give --force for all of them: ${found.join(", ")}`,
  });
}

/** One after the other: what is gone stays gone, whatever becomes of the next. */
async function removeRemote(
  { terminal, json }: Session,
  words: readonly string[],
  options: { readonly force: boolean; readonly insecure: ReadonlySet<string> },
): Promise<void> {
  const references = [...new Set(words)].map((word) => ({ word, reference: parseImageReference(word) }));
  const removed: object[] = [];
  for (const { word, reference } of references) {
    const { digest, isDeleted, tags } = await REGISTRIES.remove(reference, options);
    const repository = shortImageName({ ...reference, tag: undefined, digest: undefined });
    removed.push({ reference: word, manifest: isDeleted ? digest : null, tags });
    if (json) continue;
    terminal.print(tags.map((tag) => `Untagged: ${repository}:${tag}\n`).join(""));
    if (isDeleted) terminal.print(`Deleted: ${repository}@${digest}\n`);
  }
  if (json) await printJsonArray(terminal, removed);
}
