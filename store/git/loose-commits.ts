import type { Signature } from "../../core/model/commit.js";
import type { CommitId } from "../../core/model/ids.js";
import { CONFIG_FILE, IMAGE_FILE, LAYER_FILE, ORIGIN_FILE } from "./commit-files.js";
import { filesOfTree, readLooseObject } from "./loose-objects.js";
import type { RawCommit } from "./raw-commit.js";

// No `<` or `>` within, as git has it: else a line of a megabyte would be read in as many ways as it has of them, squared.
const PERSON = "([^<>\\n\\r]*) <([^<>\\n\\r]*)> (\\d{1,15}) ([+-])(\\d\\d)(\\d\\d)";
/**
 * A commit as varve writes it: no other headers, and a message without line ends of other systems. It has two parents at most; a pattern of any number has no
 * stack for a stranger's 100,000.
 */
const COMMIT = new RegExp(
  `^tree ([0-9a-f]{40})\\n((?:parent [0-9a-f]{40}\\n){0,100})author ${PERSON}\\ncommitter ${PERSON}\\n\\n([^\\n\\r][^\\r]*[^\\n\\r]|[^\\n\\r])\\n$`,
);
/** What the tree of a commit may hold. */
export const OUR_FILES: ReadonlySet<string> = new Set([CONFIG_FILE, IMAGE_FILE, LAYER_FILE, ORIGIN_FILE]);

/**
 * A loose commit of the form that varve writes, without isomorphic-git: some ten times sooner, which tells when a history of thousands of commits is
 * read again.
 *
 * @returns `undefined` for all else, which isomorphic-git reads, or tells what is wrong with it.
 */
export function readLooseCommit(git: string, id: string): RawCommit | undefined {
  const object = readLooseObject(git, id);
  const commit = object?.kind === "commit" ? parseCommit(id, object.body) : undefined;
  if (commit === undefined) return undefined;
  const tree = readLooseObject(git, commit.tree);
  const files = tree?.kind === "tree" ? filesOfTree(tree.body) : undefined;
  if (files === undefined || ![...files.keys()].every((name) => OUR_FILES.has(name))) return undefined;
  const { tree: _, ...rest } = commit;
  return { ...rest, files };
}

/** A commit without the files of its tree. */
export interface ParsedCommit extends Omit<RawCommit, "files"> {
  readonly tree: string;
}

/** @returns `undefined` for one that is not of varve's form. */
export function parseCommit(id: string, body: Buffer): ParsedCommit | undefined {
  const parts = COMMIT.exec(body.toString("utf8"));
  if (parts === null) return undefined;
  return {
    id: id as CommitId,
    tree: parts[1] as string,
    parents: [...(parts[2] as string).matchAll(/[0-9a-f]{40}/g)].map(([parent]) => parent as CommitId),
    author: person(parts.slice(3, 9)),
    committer: person(parts.slice(9, 15)),
    message: parts[15] as string,
  };
}

/** A loose file's content. @returns `undefined` when it is not there, or damaged. */
export function readLooseFile(git: string, id: string): Buffer | undefined {
  const object = readLooseObject(git, id);
  return object?.kind === "blob" ? object.body : undefined;
}

function person([name, email, seconds, sign, hours, minutes]: readonly string[]): Signature {
  const offset = Number(hours) * 60 + Number(minutes);
  return {
    name: name as string,
    email: email as string,
    seconds: Number(seconds),
    offsetMinutes: sign === "-" ? 0 - offset : offset,
  };
}
