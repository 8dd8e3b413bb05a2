import test from "ava";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { Tree } from "../../../core/model/tree.js";
import { nodeAt } from "../../../core/model/paths.js";
import type { PathSelection } from "../../../core/paths/path-selection.js";
import { selectPlaces } from "../../../core/paths/path-selection.js";
import { replaceSelected } from "../../../core/trees/replace-selected.js";
import { type DescribedEntry, describeTree } from "../../contracts/described-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";

const directory = (path: string, more: object = {}): DescribedEntry => ({ path, type: "directory", ...more });
const file = (path: string, content: string, more: object = {}): DescribedEntry => ({ path, type: "file", content, ...more });
const linked = (path: string, linkTo: string): DescribedEntry => ({ path, type: "file", linkTo });

interface Case {
  readonly what: string;
  readonly own: readonly DescribedEntry[];
  readonly source: readonly DescribedEntry[];
  readonly selected: readonly string[];
  readonly expected: readonly DescribedEntry[];
}

const CASES: readonly Case[] = [
  {
    what: "a file that both have",
    own: [directory(""), file("a", "mine"), file("b", "mine")],
    source: [directory(""), file("a", "theirs"), file("b", "theirs")],
    selected: ["a"],
    expected: [directory(""), file("a", "theirs"), file("b", "mine")],
  },
  {
    what: "what the source lacks: it goes, and its directory stays",
    own: [directory(""), directory("d"), file("d/a", "mine")],
    source: [directory("")],
    selected: ["d/a"],
    expected: [directory(""), directory("d")],
  },
  {
    what: "a whole directory, with its own metadata",
    own: [directory(""), directory("d", { mode: 0o700 }), file("d/new", "mine"), file("e", "mine")],
    source: [directory(""), directory("d", { mode: 0o755 }), file("d/a", "theirs")],
    selected: ["d"],
    expected: [directory(""), directory("d", { mode: 0o755 }), file("d/a", "theirs"), file("e", "mine")],
  },
  {
    what: "a path whose directory is gone: it comes with it, and nothing else in it does",
    own: [directory("")],
    source: [directory(""), directory("d", { mode: 0o711 }), file("d/a", "theirs"), file("d/b", "theirs")],
    selected: ["d/a"],
    expected: [directory(""), directory("d", { mode: 0o711 }), file("d/a", "theirs")],
  },
  {
    what: "a directory where a file stands",
    own: [directory(""), file("d", "mine")],
    source: [directory(""), directory("d"), file("d/a", "theirs")],
    selected: ["d/a"],
    expected: [directory(""), directory("d"), file("d/a", "theirs")],
  },
  {
    what: "a file where a directory stands",
    own: [directory(""), directory("d"), file("d/a", "mine")],
    source: [directory(""), file("d", "theirs")],
    selected: ["d"],
    expected: [directory(""), file("d", "theirs")],
  },
  {
    what: "one name of an inode that has another, changed one: they part",
    own: [directory(""), directory("d"), file("d/a", "mine"), directory("e"), linked("e/b", "d/a")],
    source: [directory(""), directory("d"), file("d/a", "theirs")],
    selected: ["d/a"],
    expected: [directory(""), directory("d"), file("d/a", "theirs"), directory("e"), file("e/b", "mine")],
  },
  {
    what: "one name of a source's inode whose other name is the same: they join",
    own: [directory(""), directory("d"), directory("e"), file("e/b", "theirs")],
    source: [directory(""), directory("d"), file("d/a", "theirs"), directory("e"), linked("e/b", "d/a")],
    selected: ["d/a"],
    expected: [directory(""), directory("d"), file("d/a", "theirs"), directory("e"), linked("e/b", "d/a")],
  },
  {
    what: "one name of a source's inode whose other name is another file: that stays",
    own: [directory(""), directory("d"), directory("e"), file("e/b", "mine")],
    source: [directory(""), directory("d"), file("d/a", "theirs"), directory("e"), linked("e/b", "d/a")],
    selected: ["d/a"],
    expected: [directory(""), directory("d"), file("d/a", "theirs"), directory("e"), file("e/b", "mine")],
  },
  {
    what: "the last name that a directory lacked: its time is the source's again",
    own: [directory(""), directory("d", { mtimeSeconds: 9 })],
    source: [directory(""), directory("d", { mtimeSeconds: 5 }), file("d/a", "theirs")],
    selected: ["d/a"],
    expected: [directory(""), directory("d", { mtimeSeconds: 5 }), file("d/a", "theirs")],
  },
];

/** The same paths, told by a pattern's matcher, which knows no places. */
function withoutPlaces(selection: PathSelection): PathSelection {
  return { places: undefined, has: (path) => selection.has(path) };
}

/** So many that they are looked up: what is selected is the same. */
function withStrangePlaces({ places = [] }: PathSelection): PathSelection {
  const strange = Array.from({ length: 20 }, (_, number) => `strange/${number}` as ByteString);
  return places.length === 0 ? selectPlaces(places) : selectPlaces([...strange, ...places]);
}

for (const { what, own, source, selected, expected } of CASES) {
  for (const [form, formOf] of [
    ["places", (selection: PathSelection) => selection],
    ["many places", withStrangePlaces],
    ["patterns", withoutPlaces],
  ] as const) {
    test(`replaceSelected() of ${what} (${form})`, (t) => {
      const mixture = replaceSelected(memoryTree(own), memoryTree(source), formOf(selectPlaces(selected as ByteString[])));
      t.deepEqual(describeTree(mixture), describeTree(memoryTree(expected)));
      for (const path of pathsOf(mixture)) t.truthy(nodeAt(mixture, path), path);
    });
  }
}

test("replaceSelected() keeps directories that nothing is selected in as they are, with their digests", (t) => {
  const own = memoryTree([directory(""), directory("d"), file("d/a", "mine"), directory("e"), file("e/b", "mine")]);
  const source = memoryTree([directory(""), directory("d"), file("d/a", "theirs")]);
  const mixture = replaceSelected(own, source, selectPlaces(["d/a" as ByteString]));
  t.is(nodeAt(mixture, "e" as ByteString)?.entry, nodeAt(own, "e" as ByteString)?.entry);
});

function pathsOf(tree: Tree): ByteString[] {
  return describeTree(tree).map(({ path }) => path as ByteString);
}
