import type { ForgottenProof } from "../../core/operations/rewriting/prove-forgotten.js";
import { treePathText } from "../../core/model/paths.js";
import { printableLine } from "../printable.js";
import { jsonPath } from "./names.js";
import { counted } from "./quantities.js";

/** Whether nothing is left of what was forgotten. */
export function isGone({ held, commits, containers, running }: ForgottenProof): boolean {
  return held.length + commits + containers.length + running.length === 0;
}

/** What `gc --now --json` says of it: docs/json.md, "gc". */
export function proofJson(proof: ForgottenProof): Record<string, unknown> {
  const { operation, places, contents, held, commits, containers, running } = proof;
  return {
    ...{ operation: operation.id, command: operation.command },
    paths: places.map((place) => jsonPath("path", place)),
    contents: [...contents].map(([digest, size]) => ({ digest, size })),
    ...{ held, commits, containers, running, gone: isGone(proof) },
  };
}

const MOST_NAMED = 20;

export function proofText(proof: ForgottenProof): string {
  const { places, contents, held, commits, containers, running } = proof;
  const paths = places.map((place) => printableLine(treePathText(place))).join(", ");
  const holding = new Map(held.map(({ digest, layers }) => [digest, layers]));
  const gone = [...contents.keys()].filter((digest) => !holding.has(digest));
  const lines = gone.slice(0, MOST_NAMED).map((digest) => `  no layer of the store holds ${digest}`);
  if (gone.length > MOST_NAMED) lines.push(`  nor ${counted(gone.length - MOST_NAMED, "other content")} that stood there`);
  for (const [digest, [layer, ...others]] of [...holding].slice(0, MOST_NAMED)) {
    const more = others.length === 0 ? "" : ` and ${counted(others.length, "other")}`;
    lines.push(`  layer ${layer ?? ""}${more} still ${others.length === 0 ? "holds" : "hold"} ${digest}`);
  }
  lines.push(
    commits === 0
      ? "  no commit has the path"
      : `  ${counted(commits, "commit")} still ${commits === 1 ? "has" : "have"} the path`,
  );
  for (const name of containers) lines.push(`  container ${name} has it, not committed`);
  for (const name of running) lines.push(`  container ${name} runs, and was not looked into`);
  return `Forgotten: ${paths}\n${lines.join("\n")}\n`;
}
