import { VarveError } from "../../core/errors.js";
import { namedByDigest } from "../../core/exchange/image-names.js";
import type { Ref } from "../../core/model/commit.js";
import type { Repository } from "../../core/ports/repository.js";
import { IMAGES, imageRef, isDigestReference, isImageReference, tagRef, TAGS } from "../../core/revision/ref-names.js";
import { resolveRevision } from "../../core/revision/resolve-revision.js";
import { command, type Command, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { makeRef, printRefs, removeRefs, type RefKind, type RefMark } from "../named-refs.js";
import { wordMissing, wordTooMany } from "../parse-words.js";
import { printableLine } from "../printable.js";
import { subject } from "../render/commit-text.js";
import { annotationJson } from "../render/tag-text.js";

const KIND: RefKind = {
  word: "tag",
  prefixes: [TAGS, IMAGES],
  ref: (name) => (isImageReference(name) ? imageRef(name) : tagRef(name)),
};

const FORM = { name: "tag", form: "[-a -m MSG] [NAME [REV]] [-f] | -d NAME… | -l [PATTERN…] [-n]" } as const;

const OPTIONS = {
  delete: { type: "boolean", alias: "d", describe: "delete each NAME, all of them or none; their commits stay" },
  force: { type: "boolean", alias: "f", describe: "move NAME if it exists" },
  annotate: { type: "boolean", alias: "a", describe: "make a tag with a message, a time and a tagger: needs -m" },
  message: { type: "string", alias: "m", value: "MSG", describe: "what an annotated tag is about; makes one without -a, too" },
  list: { type: "boolean", alias: "l", describe: "list the tags that fit each PATTERN, such as 'v1.*'" },
  lines: { type: "boolean", alias: "n", describe: "with the first line of each tag's message, or its commit's" },
} as const;

export const tagCommand: Command = command(
  {
    ...FORM,
    summary: "List, make or delete tags",
    description: `Without NAME, lists the tags. With NAME, makes a name for REV (default: HEAD) that stays where it is: it is moved by -f
alone. With -m the tag is an object of its own, as "git tag -a" makes it; without, a name and nothing more. NAME may be
an image reference, as docker has them: debian:12. "varve tag REV IMAGE:TAG" is docker's order, and moves IMAGE:TAG.`,
    words: [
      { name: "TAG", required: false },
      { name: "REV", required: false, many: true },
    ],
    options: OPTIONS,
    examples: [
      ["varve tag v1", "name the last commit"],
      ["varve tag -a v2 -m 'second release'", "with who, when and why"],
      ["varve tag v0 main~3", "name an older one"],
      ["varve tag team/base:1.0 base", "an image reference; varve run team/base:1.0 -- sh"],
      ["varve tag -n -l 'v*'", "list some, with their messages"],
      ["varve tag -d v0", "delete the name; the commit stays"],
    ],
    statuses: [["30", "there is one of that name"]],
  },
  async ({ words, options, session }) => {
    const [name, revision = "HEAD", extra] = words;
    const { message: annotation, force } = options;
    if (options.delete) {
      if (name === undefined) throw wordMissing(FORM, "NAME");
      return removeRefs(KIND, words, true, session);
    }
    if (options.list || options.lines || name === undefined) {
      if (force || options.annotate || annotation !== undefined) throw wordMissing(FORM, "NAME");
      return printRefs(KIND, { patterns: words, mark: (repository) => marksOf(repository, options.lines) }, session);
    }
    if (extra !== undefined) throw wordTooMany(FORM, extra);
    if (options.annotate || annotation !== undefined) requireAnnotatable(name, annotation);
    if (await isDockersOrder(words, session))
      return makeRef(KIND, requireTaggable(revision), { revision: name, force: true, annotation }, session);
    requireTaggable(name);
    return makeRef(KIND, name, { revision, force, annotation }, session);
  },
);

/** @throws VarveError BAD_NAME. */
function requireTaggable(name: string): string {
  if (isDigestReference(name)) throw namedByDigest(name);
  return name;
}

/** `docker tag SOURCE TARGET`, which moves TARGET: its words are those of a tag that exists, and an image reference. */
async function isDockersOrder([name = "", target]: readonly string[], session: Session): Promise<boolean> {
  if (target === undefined || !isImageReference(target)) return false;
  const { history } = await openRepository(session);
  const named = isImageReference(name) ? imageRef(name) : undefined;
  // "tag debian:12 base:1" of one that is not there yet is git's order.
  if (named !== undefined && (await history.readRef(named)) === undefined) return false;
  try {
    await resolveRevision(history, name);
    return true;
  } catch (error) {
    if (error instanceof VarveError && error.code === "REVISION_UNKNOWN") return false;
    throw error;
  }
}

/** @throws VarveError USAGE. */
function requireAnnotatable(name: string, message: string | undefined): void {
  if (isImageReference(name)) {
    throw new VarveError("USAGE", `Cannot annotate the image reference "${name}": it is a name and nothing more`, {
      hint: `Leave -a and -m out, or make a tag whose name has no colon.`,
    });
  }
  if (message !== undefined && message.trim() !== "") return;
  throw new VarveError("USAGE", "Cannot make an annotated tag: the message is missing", {
    hint: 'Say what it is about: varve tag -a NAME -m "…"',
  });
}

async function marksOf({ history }: Repository, lines: boolean): Promise<(ref: Ref) => Promise<RefMark>> {
  return async ({ name, commit }) => {
    const tag = await history.readTag(name);
    const annotation = annotationJson(tag);
    if (!lines) return { json: { annotation } };
    const about = tag === undefined ? subject(await history.readCommit(commit)) : printableLine(tag.message.split("\n")[0] ?? "");
    return { about, json: { annotation } };
  };
}
