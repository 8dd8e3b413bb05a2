import { VarveError } from "../../core/errors.js";
import { namedByDigest, storedName } from "../../core/exchange/image-names.js";
import type { Ref } from "../../core/model/commit.js";
import type { History } from "../../core/ports/history.js";
import type { Repository } from "../../core/ports/repository.js";
import { isImageId } from "../../core/revision/image-ids.js";
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
an image reference, as docker has them: debian:12. "varve tag REV IMAGE:TAG" is docker's order, and moves IMAGE:TAG; of an
image reference, or an image's id, also "varve tag REV IMAGE", for IMAGE:latest.`,
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
    const target = await dockersTarget(words, force, session);
    if (target !== undefined) return makeRef(KIND, requireTaggable(target), { revision: name, force: true, annotation }, session);
    requireTaggable(name);
    return makeRef(KIND, name, { revision, force, annotation }, session);
  },
);

/** @throws VarveError BAD_NAME. */
function requireTaggable(name: string): string {
  if (isDigestReference(name)) throw namedByDigest(name);
  return name;
}

/**
 * `docker tag SOURCE TARGET`, which moves TARGET: the words are those of what is there, and an image reference. One without a tag, which could be a
 * revision that is mistyped, is so for a SOURCE that no new tag could be called.
 *
 * @returns TARGET, with a tag; `undefined` for git's order.
 * @throws VarveError REVISION_UNKNOWN when neither word is there; BAD_NAME.
 */
async function dockersTarget(
  [name = "", target]: readonly string[],
  force: boolean,
  session: Session,
): Promise<string | undefined> {
  if (target === undefined) return undefined;
  const { history } = await openRepository(session);
  const isThere = await names(history, name);
  if (isImageReference(target)) {
    if (isThere || !isImageReference(name) || (await names(history, target))) return isThere ? target : undefined;
    throw new VarveError("REVISION_UNKNOWN", `Cannot make a tag: neither "${name}" nor "${target}" is there`, {
      hint: "What is there comes last, as in git (varve tag NEW REV), or first, as in docker (varve tag REV IMAGE:TAG).",
    });
  }
  if (!isThere || force || !(isImageReference(name) || isImageId(name)) || (await names(history, target))) return undefined;
  return /[~^{}]|^[:@]/.test(target) ? undefined : storedName(target);
}

async function names(history: History, revision: string): Promise<boolean> {
  try {
    await resolveRevision(history, revision);
    return true;
  } catch (error) {
    if (error instanceof VarveError && ["REVISION_UNKNOWN", "USAGE"].includes(error.code)) return false;
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
