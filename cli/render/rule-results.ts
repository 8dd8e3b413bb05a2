import type { CheckResult, OffendingPath, RuleResult } from "../../core/operations/check-rules.js";
import { printablePath } from "../printable.js";
import type { Terminal } from "../terminal.js";
import { modeText } from "./change-text.js";
import { jsonPath } from "./names.js";
import { counted, readableBytes } from "./quantities.js";

/** Of a rule, as many paths are shown to a person as fit on a screen. */
const MOST_SHOWN = 20;

/** What `check --json` prints: docs/json.md, "check". */
export function checkJson({ results, looked }: CheckResult): Record<string, unknown> {
  return { holds: results.every(({ holds }) => holds), looked, rules: results.map(ruleJson) };
}

function ruleJson({ rule, holds, found, limit, paths }: RuleResult): Record<string, unknown> {
  const offending = paths.map(({ path, mode, bytes }) => ({
    ...jsonPath("path", path),
    mode: modeText(mode),
    bytes: bytes ?? null,
  }));
  return { rule, holds, found, limit, paths: offending };
}

/** The rules that are broken, each with its paths. */
export function brokenRulesText(
  { results }: CheckResult,
  { paint, interactive }: Pick<Terminal, "paint" | "interactive">,
): string {
  return results
    .filter(({ holds }) => !holds)
    .map((result) => {
      const shown = interactive ? result.paths.slice(0, MOST_SHOWN) : result.paths;
      const more = result.paths.length - shown.length;
      const rest = more === 0 ? "" : `  and ${counted(more, "path")} more: --json lists them\n`;
      return `${paint("red", result.rule)}: ${excess(result)}\n${shown.map(pathLine).join("")}${rest}`;
    })
    .join("");
}

function excess({ rule, found, limit }: RuleResult): string {
  switch (rule) {
    case "max-added":
      return `${readableBytes(found)} added, at most ${readableBytes(limit)} allowed`;
    case "max-size":
      return `${readableBytes(found)} in the tree, at most ${readableBytes(limit)} allowed`;
    case "max-paths":
      return `${counted(found, "path")} in the tree, at most ${limit.toLocaleString("en-US")} allowed`;
    case "max-waste":
      return `${percent(found)} of the contents wasted, at most ${percent(limit)} allowed`;
    case "devices":
      return `${counted(found, "device")}, none allowed`;
    default:
      return `${counted(found, "path")}, none allowed`;
  }
}

function pathLine({ path, mode, bytes }: OffendingPath): string {
  return `  ${printablePath(path)}  ${bytes === undefined ? `mode ${modeText(mode)}` : readableBytes(bytes)}\n`;
}

/** Three digits that count, so that what is a little too much does not look like the limit. */
function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))}%`;
}
