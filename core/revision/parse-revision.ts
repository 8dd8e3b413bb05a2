import { VarveError } from "../errors.js";
import { readReflogTime } from "./reflog-time.js";
import { isImageReference, isRefName, isShortName } from "./ref-names.js";

/** A way from a commit to an ancestor. */
export type RevisionStep =
  /** `~N`: N first parents back. */
  | { readonly kind: "ancestor"; readonly count: number }
  /** `^N`: the Nth parent; `^0` is the commit itself. */
  | { readonly kind: "parent"; readonly number: number }
  /** `^{/TEXT}`: the newest commit that it leads to whose message fits. */
  | { readonly kind: "message"; readonly search: string };

/** Where a ref stood once, by its log. */
export type Place =
  /** `name@{N}`: N moves ago. */
  | { readonly kind: "moves"; readonly count: number }
  /** `name@{yesterday}`: at a time. See reflog-time.ts for what it may be. */
  | { readonly kind: "time"; readonly text: string }
  /** `name@{upstream}`, `name@{u}`: where the branch stands that it follows. */
  | { readonly kind: "upstream" };

export type Revision =
  | {
      readonly kind: "commit";
      /** `HEAD`, a branch, a tag, a full ref, a commit id or a prefix of one; "" for the current branch, of which `place` tells. */
      readonly name: string;
      readonly place: Place | undefined;
      readonly steps: readonly RevisionStep[];
    }
  /** `:/TEXT`: the newest commit that a branch, a tag or HEAD leads to whose message fits. */
  | { readonly kind: "message"; readonly search: string }
  /** `@`: the tracked directory as it is now; `@NAME`: container NAME. */
  | { readonly kind: "live"; readonly container: string | undefined };

/** `A..B`: what B reaches and A does not. `A...B`: what one of them reaches. */
export interface RevisionRange {
  /** HEAD where the range has nothing on that side. */
  readonly from: string;
  readonly to: string;
  /** Whether it has three dots. */
  readonly symmetric: boolean;
}

/** Longer text is no revision; names alone may have 1,000 bytes. */
const LONGEST_TEXT = 4096;
const MESSAGE = ":/";
const LIVE = /^@([A-Za-z0-9][A-Za-z0-9_.-]*)?$/;
/** `^{…}`, which may hold pairs of braces. */
const BRACED = String.raw`\^\{((?:[^{}]|\{[^{}]*\})*)\}`;
const COMMIT = new RegExp(String.raw`^(.*?)(?:@\{([^{}]*)\})?((?:${BRACED}|[~^]\d*)*)$`, "s");
const STEP = new RegExp(String.raw`^(?:${BRACED}|([~^])(\d*))(?=[~^]|$)`, "s");
/** What means something else within: times have colons and dots, and so may messages. */
const BRACES = new RegExp(String.raw`@\{[^{}]*\}|${BRACED}`, "g");
/** As in git: no number that a person means is longer. */
const LONGEST_NUMBER_DIGITS = 9;

/**
 * Reads a revision without looking at any history.
 *
 * @throws VarveError REVISION_UNKNOWN when the text can't name a commit or a live state.
 *
 * @example
 * parseRevision("main~2^"); // name "main", steps: two first parents back, then the first parent
 */
export function parseRevision(text: string): Revision {
  if (text.length > LONGEST_TEXT) throw unreadable(`${text.slice(0, 40)}…`, `it is longer than ${LONGEST_TEXT} characters`);
  if (text.startsWith(MESSAGE)) return { kind: "message", search: searchOf(text.slice(MESSAGE.length), text) };
  const live = LIVE.exec(text);
  if (live) return { kind: "live", container: live[1] };
  const [, name = "", place, steps = ""] = COMMIT.exec(text) ?? [];
  // As in git, `@{1}` is where the current branch stood, and `HEAD@{1}` another branch when that was changed.
  if (name !== "" || place === undefined) checkName(name, text);
  return {
    kind: "commit",
    name,
    place: place === undefined ? undefined : parsePlace(place, text),
    steps: parseSteps(steps, text),
  };
}

/** Parts `A..B` and `A...B`, where a missing side is HEAD. @returns `undefined` for anything else. @throws VarveError REVISION_UNKNOWN. */
export function splitRange(text: string): RevisionRange | undefined {
  if (text.startsWith(MESSAGE)) return undefined;
  const [dots, ...more] = outsideBraces(text).matchAll(/\.{2,}/g);
  if (dots === undefined) return undefined;
  const [{ length }] = dots;
  if (more.length > 0 || length > 3) throw unreadable(text, "a range has two dots, or three, in one place");
  const side = (part: string): string => (part === "" ? "HEAD" : part);
  return { from: side(text.slice(0, dots.index)), to: side(text.slice(dots.index + length)), symmetric: length === 3 };
}

/** Of the same length, with nothing within braces that means something elsewhere. */
function outsideBraces(text: string): string {
  return text.replace(BRACES, (braced) => "_".repeat(braced.length));
}

/**
 * Parts `REV:PATH` at its first colon, which no revision can hold but within braces, and at the front of `:/TEXT`, which goes to the end.
 *
 * @returns No `path` when there is no colon; an empty one for `REV:`.
 */
export function splitRevisionPath(text: string): { readonly revision: string; readonly path: string | undefined } {
  if (text.startsWith(MESSAGE)) return { revision: text, path: undefined };
  const colon = outsideBraces(text).indexOf(":");
  return colon === -1 ? { revision: text, path: undefined } : { revision: text.slice(0, colon), path: text.slice(colon + 1) };
}

function parsePlace(text: string, whole: string): Place {
  if (/^\d{1,8}$/.test(text)) return { kind: "moves", count: Number(text) };
  if (/^u(pstream)?$/i.test(text)) return { kind: "upstream" };
  if (readReflogTime(text, new Date(0)) !== undefined) return { kind: "time", text };
  throw unreadable(
    whole,
    `"${text}" is neither a count of moves nor a time`,
    "Times look like yesterday, 2.days.ago, noon, 2026-11-20 or 2026-11-20 10:00. main@{1} is where main stood one move ago.",
  );
}

function parseSteps(text: string, whole: string): RevisionStep[] {
  const steps: RevisionStep[] = [];
  for (let left = text; left !== "";) {
    const [step, braced, sign, digits = ""] = STEP.exec(left) ?? [left];
    left = left.slice(step.length);
    if (braced !== undefined) steps.push(...bracedStep(braced, whole));
    else {
      const value = digits === "" ? 1 : number(digits, whole);
      steps.push(sign === "~" ? { kind: "ancestor", count: value } : { kind: "parent", number: value });
    }
  }
  return steps;
}

/** `^{}` and `^{commit}` lead from a tag to its commit, where every revision leads by itself. */
function bracedStep(text: string, whole: string): RevisionStep[] {
  if (text === "" || text === "commit") return [];
  if (text.startsWith("/")) return [{ kind: "message", search: searchOf(text.slice(1), whole) }];
  throw unreadable(
    whole,
    `"^{${text}}" leads to no commit`,
    "What may stand there is ^{/TEXT}, with text of a message, or ^{commit}.",
  );
}

function searchOf(text: string, whole: string): string {
  if (text !== "") return text;
  throw unreadable(whole, "it has no text to look for", "Write :/TEXT, with text of a commit's message or a regular expression.");
}

function number(digits: string, text: string): number {
  if (/^\d+$/.test(digits) && digits.length <= LONGEST_NUMBER_DIGITS) return Number(digits);
  throw unreadable(text, `"${digits}" is no count`);
}

function checkName(name: string, text: string): void {
  if (name === "") throw unreadable(text, "it names nothing");
  if (name.startsWith("@"))
    throw unreadable(text, "a live state has no ancestors", "Commit it first, or write HEAD for the last commit.");
  if (/^[0-9a-f]{40}$/i.test(name) || name === "HEAD" || isRefName(name) || isShortName(name) || isImageReference(name)) return;
  throw unreadable(text, "no branch, tag or commit can have that name");
}

function unreadable(text: string, why: string, hint?: string): VarveError {
  return new VarveError("REVISION_UNKNOWN", `Cannot read ${JSON.stringify(text)} as a revision: ${why}`, {
    hint: hint ?? "Revisions look like HEAD, main, v1, main~2, HEAD^, main@{1} or the first digits of a commit id.",
  });
}
