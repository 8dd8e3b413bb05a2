import type { ByteString } from "../../core/model/byte-string.js";
import type { Finding, StoreCheck } from "../../core/maintenance/check-store.js";
import type { LayerFault } from "../../core/ports/store-checks.js";
import { printableLine, printableName } from "../printable.js";
import type { Terminal } from "../terminal.js";
import { jsonPath, refText, shortId } from "./names.js";
import { counted } from "./quantities.js";

/** What a person wants to see of a long list; --json has all. */
const MOST_SHOWN = 10;

/** What `fsck --json` prints: docs/json.md, "fsck". */
export function checkJson({ findings, checked }: StoreCheck): Record<string, unknown> {
  const damaged = findings.some(({ part, repaired }) => part !== "notice" && !repaired);
  return { damaged, checked, findings: findings.map(findingJson) };
}

function findingJson({
  part,
  name,
  state,
  faults,
  commits,
  refs,
  containers,
  repair,
  repaired,
}: Finding): Record<string, unknown> {
  return {
    part,
    name,
    state,
    paths: faults.flatMap(({ path, state: says }) => (path === undefined ? [] : [{ ...jsonPath("path", path), state: says }])),
    commits,
    refs: refs.map(refText),
    containers,
    repair: repair ?? null,
    repaired,
  };
}

export function checkText({ findings, checked }: StoreCheck, paint: Terminal["paint"]): string {
  const damage = findings.filter(({ part, repaired }) => part !== "notice" && !repaired);
  const what = `${counted(checked.layers, "layer")}, ${counted(checked.commits, "commit")}, ${counted(checked.containers, "container")}`;
  const depth = checked.content ? "" : " (metadata alone)";
  const verdict =
    damage.length === 0 ? `${paint("green", "Sound")}: ` : `${paint("red", "Damaged")}: ${counted(damage.length, "part")} of `;
  return `${findings.map((finding) => findingText(finding, paint)).join("")}${verdict}${what}${depth}\n`;
}

function findingText(finding: Finding, paint: Terminal["paint"]): string {
  const { part, name, state, faults, commits, refs, containers, repair, repaired } = finding;
  const colour = part === "notice" || repaired ? "yellow" : "red";
  const lines = [
    `${paint(colour, part)} ${printableLine(name)}: ${printableLine(state)}`,
    ...list(faults.filter(({ path }) => path !== undefined).map(faultText), (line) => line),
    ...list(commits.map(shortId), (id) => `commit ${id}`),
    ...list(refs.map(refText), (ref) => `ref ${printableLine(ref)}`),
    ...list(containers, (container) => `container ${printableLine(container)}`),
    ...(repair === undefined ? [] : [`  ${printableLine(repair)}`]),
  ];
  return `${lines.join("\n")}\n`;
}

function faultText({ path, state }: LayerFault): string {
  return `${printableName(`/${path ?? ""}` as ByteString)}: ${printableLine(state)}`;
}

function list(items: readonly string[], show: (item: string) => string): string[] {
  const shown = items.slice(0, MOST_SHOWN).map((item) => `  ${show(item)}`);
  return items.length > MOST_SHOWN ? [...shown, `  and ${(items.length - MOST_SHOWN).toLocaleString("en-US")} more`] : shown;
}
