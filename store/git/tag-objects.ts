import type { Signature, Tag } from "../../core/model/commit.js";
import { parseCommitId, parseTagId } from "../../core/model/ids.js";
import { safeMessage } from "../../core/text/safe-message.js";
import { readLooseObject } from "./loose-objects.js";
import { safePersonPart } from "./safe-text.js";

/** What git's tag object says, before its id is known. @see git-mktag(1). */
const TAG =
  /^object ([0-9a-f]{40})\ntype (\w+)\ntag ([^\n]*)\n(?:tagger ([^<>\n]*) <([^<>\n]*)> (\d{1,15}) ([+-])(\d\d)(\d\d)\n)?\n([\s\S]*)$/;

/** Of an old tag, which may have none. */
const NOBODY: Signature = { name: "unknown", email: "unknown", seconds: 0, offsetMinutes: 0 };

export interface RawTag extends Omit<Tag, "commit"> {
  /** What it names: mostly a commit. */
  readonly object: string;
  readonly type: string;
}

/** A tag that stands loose, without isomorphic-git. @returns `undefined` for all else. */
export function readLooseTag(git: string, id: string): RawTag | undefined {
  const object = readLooseObject(git, id);
  return object?.kind === "tag" ? parseTag(id, object.body.toString("utf8")) : undefined;
}

/** @returns `undefined` for what is no tag. */
export function parseTag(id: string, text: string): RawTag | undefined {
  const [, object, type, name, person, email, seconds, sign, hours, minutes, message = ""] = TAG.exec(text) ?? [];
  if (object === undefined || type === undefined) return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
  const who = { name: safePersonPart(person ?? ""), email: safePersonPart(email ?? ""), seconds: Number(seconds) };
  return {
    id: parseTagId(id),
    object: parseCommitId(object),
    type,
    name: name ?? "",
    tagger: seconds === undefined ? NOBODY : { ...who, offsetMinutes: offset },
    message: safeMessage(message.replace(/\n$/, "")),
  };
}
