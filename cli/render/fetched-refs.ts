import { CHECKED_OUT, type FetchedRef } from "../../core/exchange/history/fetch-refs.js";
import type { TakenHistory } from "../../core/exchange/history/take-history.js";
import { BRANCHES, TAGS } from "../../core/revision/ref-names.js";
import type { Session } from "../command.js";
import { printJson } from "./json-array.js";
import { refText, shortId } from "./names.js";
import { counted, readableBytes } from "./quantities.js";

const SHOWN_DIGITS = 7;
/** As wide as "[non-fast-forward]" is not: git's own column. */
const SUMMARY_WIDTH = 18;

/** As `git fetch` tells it. @returns The exit status: 1 where a ref was rejected. */
export function reportHistory({ terminal, json }: Session, source: string, taken: TakenHistory): number {
  const rejected = taken.refs.filter(({ outcome }) => outcome === "rejected");
  const status = rejected.length > 0 ? 1 : 0;
  if (json) {
    printJson(terminal, historyJson(source, taken));
    return status;
  }
  terminal.print(`From ${source}\n`);
  const width = Math.max(10, ...taken.refs.map(({ name }) => refText(name).length));
  for (const ref of taken.refs) terminal.print(`${refLine(ref, width)}\n`);
  const { commits, layers, bytes } = taken;
  terminal.say(
    commits === 0
      ? "All commits were there already."
      : `${counted(commits, "commit")} new, ${counted(layers, "layer")} (${readableBytes(bytes)})`,
  );
  for (const hint of waysOut(rejected)) terminal.complain(`varve: hint: ${hint}\n`);
  return status;
}

/** What moves the rejected refs: --force moves none that somebody stands on. */
function waysOut(rejected: readonly FetchedRef[]): readonly string[] {
  const stoodOn = rejected.filter(({ reason }) => reason === CHECKED_OUT);
  return [
    ...stoodOn.map(
      ({ name, after }) =>
        `A container or the tracked directory stands on ${refText(name)}. Take over what came: varve merge [CONTAINER] ${shortId(after)}`,
    ),
    ...(stoodOn.length < rejected.length
      ? ["--force moves refs that would lose commits; varve branch -m gives yours another name first."]
      : []),
  ];
}

export function historyJson(source: string, { commits, layers, bytes, refs }: TakenHistory): Record<string, unknown> {
  return {
    source,
    commits,
    layers,
    bytes,
    refs: refs.map(({ name, before, after, outcome, reason }) => ({
      ref: name,
      before: before ?? null,
      after,
      outcome,
      reason: reason ?? null,
    })),
  };
}

function refLine(ref: FetchedRef, width: number): string {
  const { mark, summary, note } = partsOf(ref);
  const name = refText(ref.name);
  return ` ${mark} ${summary.padEnd(SUMMARY_WIDTH)} ${name.padEnd(width)} -> ${name}${note === undefined ? "" : `  (${note})`}`;
}

function partsOf({ name, before, after, outcome, reason }: FetchedRef): {
  readonly mark: string;
  readonly summary: string;
  readonly note?: string | undefined;
} {
  const [from, to] = [before?.slice(0, SHOWN_DIGITS) ?? "", after.slice(0, SHOWN_DIGITS)];
  switch (outcome) {
    case "new":
      return {
        mark: "*",
        summary: name.startsWith(BRANCHES) ? "[new branch]" : name.startsWith(TAGS) ? "[new tag]" : "[new ref]",
      };
    case "forward":
      return { mark: " ", summary: `${from}..${to}` };
    case "forced":
      return name.startsWith(TAGS)
        ? { mark: "t", summary: "[tag update]" }
        : { mark: "+", summary: `${from}...${to}`, note: "forced update" };
    case "same":
      return { mark: "=", summary: "[up to date]" };
    case "rejected":
      return { mark: "!", summary: "[rejected]", note: reason };
  }
}
