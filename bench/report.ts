import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly rival: string;
  /** What the goal speaks of: `1.42 ×`, `212 MB`. */
  readonly result: string;
  readonly goal: string;
  /** `undefined` where no goal is set. */
  readonly isMet: boolean | undefined;
}

/** A part of the document that one run measures; the others stay as they are. */
export type Section = (typeof SECTIONS)[number];

const SECTIONS = [
  "100,000 files",
  "1,000,000 files",
  "Stored once",
  "Any depth",
  "Trees that differ little",
  "Page cache",
  "Containers",
  "Images coming in",
  "Images going out, and pulled",
  "Looking at changes",
  "Undo and rollback of a container",
  "Merging two branches",
  "A path's history",
] as const;
const INTRODUCTION = `# Benchmarks

Written by \`npm run bench\` (and \`npm run bench -- --million\`), and, from "Stored once" on, by \`npm run bench:store\` and \`npm run bench:verbs\`. Ours and the rival ran in turn on one machine in one run; times are medians, and the
ratio is what counts: it carries over to other machines better than the times do. The tree is deterministic (bench/make-tree.ts): sizes as
in /usr, many small files, no two alike. Caches are warm. Imports end with what they wrote on the disk (fsync); tar and git do not wait for that.
`;

/** Puts a section's table into the document, which it makes when it is absent. */
export function writeReport(document: string, section: Section, rows: readonly Row[], directory: string): void {
  const old = existsSync(document) ? readFileSync(document, "utf8") : "";
  const bodies = SECTIONS.map((name) => ({ name, body: name === section ? sectionBody(rows, directory) : oldBody(old, name) }));
  const parts = bodies.filter(({ body }) => body !== undefined).map(({ name, body }) => `\n## ${name}\n\n${body}\n`);
  writeFileSync(document, INTRODUCTION + parts.join(""));
  spawnSync("node_modules/.bin/prettier", ["--write", document]);
}

export function tableOf(rows: readonly Row[]): string {
  const head = ["what", "varve", "rival", "result", "goal", "met"];
  const lines = rows.map(({ what, ours, rival, result, goal, isMet }) => [
    what,
    ours,
    rival,
    result,
    goal,
    isMet === undefined ? "–" : isMet ? "yes" : "**no**",
  ]);
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function sectionBody(rows: readonly Row[], directory: string): string {
  const warning = Number(load) > availableParallelism() ? `\n\n${BUSY}` : "";
  return `${machineKind(directory)}${warning}\n\n${tableOf(rows)}`;
}

function oldBody(text: string, section: Section): string | undefined {
  return text
    .split(/^## /m)
    .find((part) => part.startsWith(`${section}\n`))
    ?.slice(section.length)
    .trim();
}

/** Before the benchmark began: what else the machine had to do. More than 0.5 or so makes times, and in part ratios, worse. */
const load = (loadavg()[0] ?? 0).toFixed(1);
const BUSY =
  "The machine was busy with other work meanwhile, more than its cores could do: times are too long, and ratios uncertain.";

/** The kind of machine, without its name. */
function machineKind(directory: string): string {
  const filesystem = spawnSync("df", ["--output=fstype", directory], { encoding: "utf8" }).stdout.trim().split("\n").at(-1) ?? "";
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  const parts = [
    new Date().toISOString().slice(0, 10),
    `${availableParallelism()} cores (${model})`,
    `${Math.round(totalmem() / 2 ** 30)} GiB memory`,
    `Linux ${release().split("-")[0] ?? ""}`,
    filesystem,
    `Node ${process.versions.node}`,
    spawnSync("git", ["--version"], { encoding: "utf8" }).stdout.trim(),
    `load ${load}`,
  ];
  return `${parts.join(" · ")}.`;
}
