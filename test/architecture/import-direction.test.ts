import path from "node:path";
import test from "ava";
import { importsOf, PROGRAM_FOLDERS, sourceFiles, type Import } from "./source-files.js";

/** docs/architecture.md draws the same table. */
const MAY_IMPORT: Readonly<Record<(typeof PROGRAM_FOLDERS)[number], readonly string[]>> = {
  cli: ["cli", "core"],
  core: ["core"],
  linux: ["linux"],
  overlay: ["overlay", "core", "linux"],
  store: ["store", "core", "linux"],
};

/** The one file that knows which store and which overlay stand behind the ports. */
const COMPOSITION_ROOT = "cli/open-repository.ts";

const imports = sourceFiles(...PROGRAM_FOLDERS).flatMap(importsOf);
const between = imports.filter(({ kind }) => kind === "file");

for (const folder of PROGRAM_FOLDERS) {
  const allowed = MAY_IMPORT[folder];
  test(`${folder}/ imports only ${allowed.map((name) => `${name}/`).join(", ")}`, (t) => {
    const strays = between
      .filter(({ from }) => topFolder(from) === folder && from !== COMPOSITION_ROOT)
      .filter(({ to }) => !allowed.includes(topFolder(to)));
    t.deepEqual(strays.map(arrow), []);
  });
}

test(`${COMPOSITION_ROOT} imports only cli/, core/, store/ and overlay/`, (t) => {
  const allowed = ["cli", "core", "store", "overlay"];
  const strays = between.filter(({ from, to }) => from === COMPOSITION_ROOT && !allowed.includes(topFolder(to)));
  t.deepEqual(strays.map(arrow), []);
});

test("core/ does no input or output of its own", (t) => {
  const pure = ["node:crypto", "node:buffer", "node:path", "node:timers/promises"];
  const strays = imports.filter(({ from, to, kind }) => topFolder(from) === "core" && kind === "node" && !pure.includes(to));
  t.deepEqual(strays.map(arrow), []);
});

test("no files import each other in a circle", (t) => {
  t.deepEqual(circles(between), []);
});

test("no folders import each other in a circle", (t) => {
  // A folder and its own subfolder count as one.
  const edges = between
    .map(({ from, to }) => ({ from: path.dirname(from), to: path.dirname(to) }))
    .filter(({ from, to }) => !isWithin(from, to) && !isWithin(to, from));
  t.deepEqual(circles(edges), []);
});

test("the search for circles finds a circle of three", (t) => {
  const edges = ["a>b", "b>c", "c>a", "c>d"].map((edge) => ({ from: edge[0] ?? "", to: edge[2] ?? "" }));
  t.deepEqual(circles(edges), ["a -> b -> c -> a"]);
});

type Edge = Pick<Import, "from" | "to">;

/** Depth-first: an edge back to a place on the way is a circle. */
function circles(edges: readonly Edge[]): string[] {
  const targets = new Map<string, Edge[]>();
  for (const edge of edges) targets.set(edge.from, [...(targets.get(edge.from) ?? []), edge]);
  const done = new Set<string>();
  const found = new Set<string>();
  const visit = (place: string, way: readonly string[]): void => {
    if (way.includes(place)) found.add([...way.slice(way.indexOf(place)), place].join(" -> "));
    if (done.has(place) || way.includes(place)) return;
    for (const { to } of targets.get(place) ?? []) visit(to, [...way, place]);
    done.add(place);
  };
  for (const place of targets.keys()) visit(place, []);
  return [...found];
}

function topFolder(file: string): string {
  return file.split("/")[0] ?? "";
}

function isWithin(folder: string, other: string): boolean {
  return folder === other || folder.startsWith(`${other}/`);
}

function arrow({ from, to }: Edge): string {
  return `${from} -> ${to}`;
}
