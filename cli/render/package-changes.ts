import type { PackageChange } from "../../core/packages/package-changes.js";
import { printableLine, printablePath } from "../printable.js";
import type { Terminal } from "../terminal.js";
import { jsonPath } from "./names.js";

/** `M  curl 8.5 → 8.6  dpkg`; of what is installed in a place of its own, that too. */
export function packageLine({ manager, name, before, after, place }: PackageChange, paint: Terminal["paint"]): string {
  const [status, style] =
    before === undefined ? (["A", "green"] as const) : after === undefined ? (["D", "red"] as const) : (["M", "yellow"] as const);
  const versions = [before, after].filter((version) => version !== undefined).map(printableLine);
  const where = place === "" ? manager : `${manager} ${printablePath(place)}`;
  return `${paint(style, status)}  ${printableLine(name)} ${versions.join(" → ")}  ${paint("dim", where)}`;
}

/** One element of what `diff --packages --json` prints: docs/json.md, "diff". */
export function packageJson({ manager, name, before, after, place }: PackageChange): Record<string, unknown> {
  return { manager, name, before: before ?? null, after: after ?? null, ...jsonPath("path", place) };
}
