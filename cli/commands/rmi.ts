import { storedName } from "../../core/exchange/image-names.js";
import { parseImageReference, shortImageName } from "../../core/image/image-reference.js";
import { deleteRefs } from "../../core/operations/branches.js";
import { imageRef } from "../../core/revision/ref-names.js";
import { command, type Command, type Session } from "../command.js";
import { REGISTRY_OPTIONS } from "../image-options.js";
import { openRepository, REGISTRIES } from "../open-repository.js";
import { printJsonArray } from "../render/json-array.js";

const options = {
  force: { type: "boolean", alias: "f", describe: "With --remote: also when other tags go with it. Else the same as without" },
  remote: { type: "boolean", describe: "Delete at the registry, not here: nothing brings that back" },
  ...REGISTRY_OPTIONS,
} as const;

export const rmiCommand: Command = command(
  {
    name: "rmi",
    form: "REFERENCE…",
    summary: "Delete image references",
    description: `Deletes image references, all of them or none; without a tag, latest is meant. Commits and layers stay until "varve gc" finds that
nothing leads to them: "varve undo" brings the references back.

With --remote the registry deletes them, and nothing here changes. Some take a tag away alone. Others delete its manifest with all tags that it
has: if there are more, that needs --force. Many delete nothing before they are set up to; docker's registry by
REGISTRY_STORAGE_DELETE_ENABLED=true, and it frees the room by its own "garbage-collect".`,
    words: [{ name: "REFERENCE", required: true, many: true }],
    options,
    examples: [
      ["varve rmi debian:12 team/web:1", "two of them"],
      ["varve rmi --remote registry.lan/team/web:1", "what a registry has"],
    ],
    statuses: [
      ["20", "no such reference"],
      ["44", "the registry lets nothing be deleted"],
      ["83", "the registry has no such image"],
    ],
  },
  async ({ words, options: { remote, force, insecure }, session }) => {
    if (remote) return removeRemote(session, words, { force, insecure: new Set(insecure) });
    const names = [...new Set(words.map(storedName))];
    const repository = await openRepository(session);
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
