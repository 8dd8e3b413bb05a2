import type { Tag } from "../../core/model/commit.js";
import { printableLine, printableText } from "../printable.js";
import type { Terminal } from "../terminal.js";
import { isoTime, readableTime } from "./timestamps.js";

/** An annotated tag as `git show` shows it, above its commit. */
export function tagText({ name, tagger, message }: Tag, paint: Terminal["paint"]): string {
  const lines = [
    paint("yellow", `tag ${printableLine(name)}`),
    `Tagger: ${printableLine(tagger.name)} <${printableLine(tagger.email)}>`,
    `Date:   ${readableTime(tagger)}`,
    "",
    ...printableText(message)
      .split("\n")
      .map((line) => `    ${line}`.trimEnd()),
  ];
  return `${lines.join("\n")}\n`;
}

/** What JSON says of one under `annotation`. */
export function annotationJson(tag: Tag | undefined): Record<string, unknown> | null {
  if (tag === undefined) return null;
  const { id, tagger, message } = tag;
  return { tag: id, tagger: `${tagger.name} <${tagger.email}>`, time: isoTime(tagger), message };
}
