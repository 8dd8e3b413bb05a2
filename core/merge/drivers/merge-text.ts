import type { ByteString } from "../../model/byte-string.js";
import { mergeLines, withMarkers, type MergedStretch } from "../../text/merge-lines.js";
import { splitLines } from "../../text/text-lines.js";
import type { DriverInput, DriverResult } from "./content-driver.js";

/** Line by line, with git's markers around what both sides changed. */
export async function mergeText(input: DriverInput): Promise<DriverResult> {
  const stretches = (await threeWay(input)).map((stretch) => chosen(stretch, input));
  const conflicts = stretches.filter(({ kind }) => kind === "conflict").length;
  return {
    content: withMarkers(stretches, input.labels),
    conflicts: conflicts === 0 ? [] : [`${conflicts} ${conflicts === 1 ? "place" : "places"} that both sides changed`],
  };
}

/** Where both sides changed lines, both versions stand, ours first. */
export async function mergeUnion(input: DriverInput): Promise<DriverResult> {
  const texts = (await threeWay(input)).map((stretch) => {
    if (stretch.kind === "agreed") return stretch.lines.join("");
    const ours = stretch.ours.join("");
    return (ours === "" || ours.endsWith("\n") || stretch.theirs.length === 0 ? ours : `${ours}\n`) + stretch.theirs.join("");
  });
  return { content: texts.join("") as ByteString, conflicts: [] };
}

async function threeWay({ base, ours, theirs }: DriverInput): Promise<MergedStretch[]> {
  return mergeLines(splitLines(base ?? ("" as ByteString)), splitLines(ours), splitLines(theirs));
}

function chosen(stretch: MergedStretch, { favor }: DriverInput): MergedStretch {
  return stretch.kind === "agreed" || favor === undefined ? stretch : { kind: "agreed", lines: stretch[favor] };
}
