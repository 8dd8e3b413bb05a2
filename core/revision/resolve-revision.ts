import { VarveError } from "../errors.js";
import type { Commit } from "../model/commit.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { History } from "../ports/history.js";
import { newestWithMessage } from "../history/find-message.js";
import { readMessagePattern } from "../text/message-pattern.js";
import { closestNames } from "./closest-names.js";
import { imagesById } from "./image-ids.js";
import { parseRevision, type Place, type Revision, type RevisionStep } from "./parse-revision.js";
import { readReflogTime } from "./reflog-time.js";
import { BRANCHES, HIDDEN, imageRef, isImageReference, isRefName, shortName, TAGS } from "./ref-names.js";
import { stashRefs } from "./stash-refs.js";

export interface RevisionContext {
  /** What HEAD means, when it isn't the history's: the branch of a container. */
  readonly head?: RefName | undefined;
}

type CommitRevision = Extract<Revision, { kind: "commit" }>;

/** As git: fewer digits are taken for a name. */
const SHORTEST_PREFIX = 4;
const ID_DIGITS = 40;
const CANDIDATES = 8;
/** Of an image that has no "latest": those that may have been meant. */
const MOST_TAGS = 3;
const SHOWN_DIGITS = 12;

/**
 * The commit that a revision names. A name that fits several is taken in git's order: full ref, tag, branch, commit id; after these the id of
 * an image.
 *
 * @throws VarveError REVISION_UNKNOWN, with names that look alike; REVISION_AMBIGUOUS, with the commits or images that a prefix fits;
 *   USAGE for a live state, which the caller resolves.
 */
export async function resolveRevision(history: History, text: string, context: RevisionContext = {}): Promise<CommitId> {
  return resolveParsed(history, parseRevision(text), text, context);
}

/** `resolveRevision`, for text that was parsed already. */
export async function resolveParsed(
  history: History,
  revision: Revision,
  text: string,
  context: RevisionContext = {},
): Promise<CommitId> {
  if (revision.kind === "live") {
    throw new VarveError("USAGE", `Cannot use "${text}" here: it is a live state, expected a commit`, {
      hint: "Commit it first, or write HEAD for the last commit.",
    });
  }
  if (revision.kind === "message") return findMessage(history, await everyTip(history, context), revision.search, text);
  let commit = await resolveBase(history, revision, text, context);
  for (const step of revision.steps) commit = await walk(history, commit, step, text);
  return commit;
}

async function resolveBase(
  history: History,
  revision: CommitRevision,
  text: string,
  context: RevisionContext,
): Promise<CommitId> {
  const { name, place } = revision;
  const ref = name === "HEAD" || name === "" ? (context.head ?? (await history.head())) : await findRef(history, name);
  if (place?.kind === "upstream") return upstreamOf(history, ref, text);
  if (name === STASH && ref === undefined) return stashed(history, place, text);
  if (place !== undefined) return earlier(history, { name, ref, place, text, context });
  if (name === "HEAD" && ref !== undefined) return (await history.readRef(ref)) ?? (await throwUnborn(history, ref));
  const commit = ref === undefined ? await findById(history, name) : await history.readRef(ref);
  // Of two commits either is that image.
  return commit ?? (await imagesById(history, name))[0]?.commit.id ?? throwUnknown(history, text, name);
}

const STASH = "stash";

/** `stash` and `stash@{N}`. @throws VarveError REVISION_UNKNOWN. */
async function stashed(history: History, place: Place | undefined, text: string): Promise<CommitId> {
  const refs = await stashRefs(history);
  const found = place?.kind === "time" ? undefined : refs[place?.kind === "moves" ? place.count : 0];
  if (found !== undefined) return found.commit;
  const state = place?.kind === "time" ? "stashes are named by numbers" : `${refs.length} are stashed`;
  throw new VarveError("REVISION_UNKNOWN", `Cannot find "${text}": ${state}`, {
    hint: "`varve stash list` shows what is stashed.",
  });
}

/** @throws VarveError REVISION_UNKNOWN. */
async function upstreamOf(history: History, ref: RefName | undefined, text: string): Promise<CommitId> {
  const upstream = ref?.startsWith(BRANCHES) ? await history.upstream(ref) : undefined;
  const commit = upstream && (await history.readRef(upstream));
  if (commit !== undefined) return commit;
  const branch = shortName(ref ?? (text as RefName));
  const state = upstream === undefined ? "it follows no other" : `it follows "${shortName(upstream)}", which is not there`;
  throw new VarveError("REVISION_UNKNOWN", `Cannot find the upstream of "${branch}": ${state}`, {
    hint: `Name the branch that it is to follow: varve branch -u UPSTREAM ${branch}`,
  });
}

/** The ref that a name means, in git's order, see gitrevisions(7). A whole id is never a ref's name. */
export async function findRef(history: History, name: string): Promise<RefName | undefined> {
  if (/^[0-9a-f]{40}$/i.test(name)) return undefined;
  if (isImageReference(name)) return (await history.readRef(imageRef(name))) === undefined ? undefined : imageRef(name);
  for (const candidate of [name, `refs/${name}`, TAGS + name, BRANCHES + name]) {
    if (isRefName(candidate) && (await history.readRef(candidate as RefName)) !== undefined) return candidate as RefName;
  }
  // Docker's default, after all that git knows.
  const latest = `${name}:latest`;
  return isImageReference(latest) && (await history.readRef(imageRef(latest))) !== undefined ? imageRef(latest) : undefined;
}

async function findById(history: History, name: string): Promise<CommitId | undefined> {
  const prefix = name.toLowerCase();
  if (!/^[0-9a-f]+$/.test(prefix) || prefix.length < SHORTEST_PREFIX || prefix.length > ID_DIGITS) return undefined;
  const found = await history.findCommits(prefix, CANDIDATES);
  if (found.length <= 1) return found[0];
  const lines = await Promise.all(found.map(async (id) => oneLine(await history.readCommit(id))));
  throw new VarveError("REVISION_AMBIGUOUS", `Cannot read "${name}" as a revision: several commits begin so`, {
    hint: `Give more digits. Candidates:\n${lines.join("\n")}`,
  });
}

function oneLine({ id, message }: Commit): string {
  return `  ${id.slice(0, SHOWN_DIGITS)} ${message.split("\n", 1)[0] ?? ""}`;
}

interface EarlierState {
  readonly name: string;
  readonly ref: RefName | undefined;
  readonly place: Place;
  readonly text: string;
  readonly context: RevisionContext;
}

/** `main@{0}` is where it stands, `main@{1}` where it stood before its last move, `main@{yesterday}` where it stood then. */
async function earlier(history: History, { name, ref, place, text, context }: EarlierState): Promise<CommitId> {
  if (ref === undefined) return throwUnknown(history, text, name);
  const log = await history.refLog(name === "HEAD" && context.head === undefined ? "HEAD" : ref);
  // The last move that was made by then. Git, too, looks at one after the other: a clock may have been set back between.
  const time = place.kind === "time" ? (readReflogTime(place.text, new Date()) ?? 0) : undefined;
  const moves = place.kind === "moves" ? place.count : log.findIndex(({ who }) => who.seconds <= time!);
  const commit = moves === 0 ? await history.readRef(ref) : (log[moves]?.after ?? log[moves - 1]?.before);
  if (commit !== undefined) return commit;
  const known = log.length === 1 ? "one move" : `${log.length} moves`;
  const holds = time === undefined || log.length === 0 ? `holds ${known}` : `goes back to ${utc(log.at(-1)!.who.seconds)} only`;
  throw new VarveError("REVISION_UNKNOWN", `Cannot read "${text}" as a revision: the log of "${shortName(ref)}" ${holds}`, {
    hint: "See `varve log` for older commits.",
  });
}

/** A damaged log may hold any number. */
function utc(seconds: number): string {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? `@${seconds}` : `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

async function walk(history: History, from: CommitId, step: RevisionStep, text: string): Promise<CommitId> {
  if (step.kind === "message") return findMessage(history, [from], step.search, text);
  if (step.kind === "parent") {
    if (step.number === 0) return from;
    const { parents } = await history.readCommit(from);
    return parents[step.number - 1] ?? throwTooFar(text, from, parents.length);
  }
  let at = from;
  for (let count = 0; count < step.count; count += 1) {
    at = (await history.readCommit(at)).parents[0] ?? throwTooFar(text, at, 0);
  }
  return at;
}

/** What `:/TEXT` looks through: all that people named, and what is current. Trees that commands saved are hidden. */
async function everyTip(history: History, { head }: RevisionContext): Promise<CommitId[]> {
  const refs = (await history.listRefs("refs/")).filter(({ name }) => !name.startsWith(HIDDEN));
  const current = await history.readRef(head ?? (await history.head()));
  return [...(current === undefined ? [] : [current]), ...refs.map(({ commit }) => commit)];
}

/** In git's words: a search that begins with `!-` is for messages that do not fit, and `!!` stands for `!`. */
async function findMessage(history: History, tips: readonly CommitId[], search: string, text: string): Promise<CommitId> {
  const isNegated = search.startsWith("!-");
  if (search.startsWith("!") && !isNegated && !search.startsWith("!!")) {
    throw new VarveError("REVISION_UNKNOWN", `Cannot read "${text}" as a revision: what begins with "!" is kept for later`, {
      hint: 'Write "!!" for a "!" that the message has, or "!-" for messages that do not have what follows.',
    });
  }
  const fits = await readMessagePattern(isNegated ? search.slice(2) : search.replace(/^!!/, "!"));
  if (typeof fits === "string") {
    throw new VarveError("REVISION_UNKNOWN", `Cannot read "${text}" as a revision: ${fits}`, {
      hint: "Put a backslash before characters that should stand for themselves.",
    });
  }
  const found = await newestWithMessage(history, tips, (message) => fits(message) !== isNegated);
  if (found !== undefined) return found.id;
  throw new VarveError("REVISION_UNKNOWN", `Cannot find "${text}": no commit has such a message`, {
    hint: tips.length === 0 ? FIRST_COMMIT : "See `varve log` for the messages that there are. Upper and lower case differ.",
  });
}

function throwTooFar(text: string, commit: CommitId, parents: number): never {
  const state = parents === 0 ? "is the first" : `has ${parents === 1 ? "one parent" : `${parents} parents`}`;
  throw new VarveError("REVISION_UNKNOWN", `Cannot find "${text}": commit ${commit.slice(0, SHOWN_DIGITS)} ${state}`, {
    hint: "See `varve log` for the commits that there are.",
  });
}

async function throwUnborn(history: History, head: RefName): Promise<never> {
  const branches = await history.listRefs(BRANCHES);
  throw new VarveError("REVISION_UNKNOWN", `Cannot find HEAD: branch "${shortName(head)}" has no commit yet`, {
    hint:
      branches.length === 0
        ? FIRST_COMMIT
        : `There are other branches: ${branches.map(({ name }) => shortName(name)).join(", ")}.`,
  });
}

const FIRST_COMMIT =
  "The history is empty. Make the first commit with `varve commit -m MESSAGE` or `varve import SOURCE -b main -m MESSAGE`.";

async function throwUnknown(history: History, text: string, name: string): Promise<never> {
  const names = (await history.listRefs("refs/")).map((ref) => shortName(ref.name));
  const tagged = names.filter((known) => known.startsWith(`${name}:`)).slice(0, MOST_TAGS);
  const close = tagged.length > 0 ? tagged : closestNames(name, [...names.filter((known) => !known.startsWith("refs/")), "HEAD"]);
  const alike = close.length > 0 ? `Did you mean ${close.join(" or ")}?` : "See `varve branch`, `varve tag` and `varve log`.";
  throw new VarveError("REVISION_UNKNOWN", `Cannot find "${text}": no branch, tag or commit has that name`, {
    hint: names.length === 0 ? FIRST_COMMIT : alike,
  });
}
