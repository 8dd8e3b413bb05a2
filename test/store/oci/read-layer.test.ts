import { readdirSync } from "node:fs";
import path from "node:path";
import test from "ava";
import fc from "fast-check";
import { VarveError } from "../../../core/errors.js";
import type { Commit } from "../../../core/model/commit.js";
import { treeId } from "../../../core/model/tree-digest.js";
import { openLayout } from "../../../store/oci/open-layout.js";
import { OCI_WHITEOUTS } from "../../../store/oci/whiteouts.js";
import { TarImport } from "../../../store/tar/import-tar.js";
import { describeTree } from "../../contracts/described-tree.js";
import { digestedTree } from "../../helpers/digested-tree.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { temporaryStore } from "../../helpers/temporary-store.js";
import { inPieces } from "../tar/import-bytes.js";
import { MemoryLayerWriter } from "../tar/memory-layer-writer.js";
import { archive, directory, entry, file, hardlink, pax, symlink } from "../tar/raw-tar.js";
import { LayeredStore } from "./layered-store.js";
import { Layout } from "./layout-on-disk.js";

interface Draw {
  readonly names: readonly string[];
  readonly kind: "file" | "directory" | "symlink" | "hardlink" | "fifo" | "whiteout" | "opaque";
  readonly other: readonly string[];
  readonly variant: number;
}

const path3 = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 });
const kinds = ["file", "file", "directory", "symlink", "hardlink", "hardlink", "fifo", "whiteout", "whiteout", "opaque"] as const;
const draw: fc.Arbitrary<Draw> = fc.record({
  names: path3,
  kind: fc.constantFrom(...kinds),
  other: path3,
  variant: fc.nat(5),
});
const layers = fc.array(fc.array(draw, { minLength: 1, maxLength: 9 }), { minLength: 2, maxLength: 4 });

function entryOf({ names, kind, other, variant }: Draw): Buffer {
  const name = names.join("/");
  const above = names
    .slice(0, -1)
    .map((each) => `${each}/`)
    .join("");
  const more = { mtime: variant, mode: [0o644, 0o4755][variant % 2]! };
  const content = ["", "x", "y".repeat(4096), "z".repeat(9000), name, "w".repeat(20_000)][variant]!;
  switch (kind) {
    case "file":
      return file(name, content, more);
    case "directory":
      return directory(name, { ...more, mode: [0o755, 0o1777][variant % 2]! });
    case "symlink":
      return symlink(name, `${["", "/", "../"][variant % 3]}${other.join("/")}`);
    case "hardlink":
      return hardlink(name, other.join("/"));
    case "fifo":
      return entry({ name, typeflag: "6", ...more });
    case "whiteout":
      return file(`${above}.wh.${names.at(-1)}`);
    default:
      return file(`${above}.wh..wh..opq`);
  }
}

/** Leaves out what is refused: most random layers would be. */
async function admitted(draws: readonly (readonly Draw[])[]): Promise<Buffer[][]> {
  const taken: Buffer[][] = [];
  for (const layer of draws) {
    taken.push([]);
    for (const each of layer) {
      const longer = [...taken.slice(0, -1), [...taken.at(-1)!, entryOf(each)]];
      if (await isTaken(longer)) taken.splice(0, Infinity, ...longer);
    }
  }
  return taken;
}

async function isTaken(parts: readonly (readonly Buffer[])[]): Promise<boolean> {
  const reader = new TarImport(new MemoryLayerWriter().asWriter(), { whiteouts: OCI_WHITEOUTS });
  try {
    for (const layer of parts) await reader.read(inPieces(archive(...layer)), "the layer");
    return true;
  } catch {
    return false;
  }
}

test("readLayer() on top of each other's trees gives what openLayout() gives of all layers", async (t) => {
  const [place, store] = [temporaryDirectory(t), await LayeredStore.at(temporaryStore(t))];
  const layout = new Layout(place);
  const property = fc.asyncProperty(layers, fc.constantFrom(100, 65_536), async (draws, step) => {
    const tars = (await admitted(draws)).map((parts) => archive(...parts));
    let commit: Commit | undefined;
    for (const [index, tar] of tars.entries()) {
      commit = await store.read(commit, tar, step);
      layout.index(layout.image(tars.slice(0, index + 1)));
      const whole = await openLayout(layout.path, undefined, path.join(layout.scratch, "spool"));
      try {
        t.deepEqual(await store.describe(commit), describeTree(whole.tree));
        // Digests of directories that were not walked, too.
        t.is(commit.tree, treeId(whole.tree.root.entry, digestedTree(whole.tree).root.digest!));
      } finally {
        whole.tree.close();
      }
    }
  });
  await fc.assert(property, { numRuns: 40 });
});

const BASE = archive(
  directory("etc"),
  file("etc/passwd", "a"),
  file("etc/motd", "bb"),
  directory("opt"),
  directory("opt/app"),
  file("opt/app/old", "ccc"),
  file("opt/keep", "d"),
  symlink("link", "/etc"),
  file("one", "linked"),
  hardlink("opt/two", "one"),
  directory("dev"),
  directory("proc"),
);
const ALL = [
  "dev",
  "etc",
  "etc/motd",
  "etc/passwd",
  "link",
  "one",
  "opt",
  "opt/app",
  "opt/app/old",
  "opt/keep",
  "opt/two",
  "proc",
];
const without = (...gone: string[]): string[] =>
  ALL.filter((each) => !gone.some((name) => each === name || each.startsWith(`${name}/`)));
const LONG = "n".repeat(251);

interface Row {
  readonly id: string;
  readonly why: string;
  readonly layer: Buffer;
  readonly rejects?: RegExp;
  /** Paths below the root; of hardlinks, with the other names. */
  readonly gives?: readonly string[];
}

const took = (id: string, why: string, gives: readonly string[], ...parts: readonly Buffer[]): Row => ({
  id,
  why,
  layer: archive(...parts),
  gives,
});
const refused = (id: string, why: string, rejects: RegExp, ...parts: readonly Buffer[]): Row => ({
  id,
  why,
  layer: archive(...parts),
  rejects,
});

const rows: readonly Row[] = [
  took("A15", "a hardlink to an absolute path", [...ALL, "h"], hardlink("h", "/etc/passwd")),
  took("A20", "a hardlink to a file of a layer below", [...ALL, "h"], hardlink("h", "one")),
  took(
    "A20",
    "a hardlink to a file of a layer below that the layer removes after it",
    [...without("etc/motd"), "h"],
    hardlink("h", "etc/motd"),
    file("etc/.wh.motd"),
  ),
  refused(
    "A20",
    "a hardlink to a file of a layer below that the layer has removed",
    /its hardlink target is not/,
    file("etc/.wh.motd"),
    hardlink("h", "etc/motd"),
  ),
  took(
    "A20",
    "a hardlink to a file of a layer below whose directory is opaque after it",
    [...without("etc/motd", "etc/passwd"), "etc/h"],
    hardlink("etc/h", "etc/motd"),
    file("etc/.wh..wh..opq"),
  ),
  took("A21", "a hardlink to a symlink", [...ALL, "h"], hardlink("h", "link")),
  refused("B46", "a mark of nothing", /no mark/, file(".wh.")),
  refused("B47", "a mark of the directory itself", /no mark/, file(".wh..")),
  refused("B47", "a mark of the directory itself, below", /no mark/, file("etc/.wh..")),
  refused("B47", "a mark of the directory above", /no mark/, file(".wh...")),
  refused("B47", "a mark of the directory above, below", /no mark/, file("etc/.wh...")),
  took("B48", "an opaque root", [], file(".wh..wh..opq")),
  took("B48", "an opaque directory", without("opt/app", "opt/keep", "opt/two"), file("opt/.wh..wh..opq")),
  took("B48", "an opaque directory that is not there", ALL, file("none/.wh..wh..opq")),
  took(
    "B49",
    "an opaque mark after its siblings",
    [...without("opt/app", "opt/keep", "opt/two"), "opt/app", "opt/app/new", "opt/new"].sort(),
    file("opt/new"),
    file("opt/app/new"),
    file("opt/.wh..wh..opq"),
  ),
  took("B50", "a mark before what replaces", ALL, file("etc/.wh.motd"), file("etc/motd", "new")),
  took("B50", "a mark after what replaces", ALL, file("etc/motd", "new"), file("etc/.wh.motd")),
  took(
    "B50",
    "a mark of a directory after its new child",
    [...without("opt/app/old"), "opt/app/new"].sort(),
    file("opt/app/new"),
    file("opt/.wh.app"),
  ),
  refused("B51", "a directory as a mark", /marks what is gone/, directory("etc/.wh.motd")),
  refused("B51", "an entry below a mark", /marks what is gone/, file("etc/.wh.motd/f")),
  took("B52", "a mark of a symlink", without("link"), file(".wh.link")),
  took("B53", "a mark below a symlink of a layer below", without("etc/passwd"), file("link/.wh.passwd")),
  refused("B54", "a mark whose path has ..", /\.\./, file("none/../.wh.etc")),
  refused("B55", "a mark with content", /empty file/, file(".wh.etc", "x")),
  refused("B55", "a symlink as a mark", /empty file/, symlink(".wh.etc", "x")),
  refused("B55", "a device as a mark", /empty file/, entry({ name: ".wh.etc", typeflag: "3", major: 1, minor: 3 })),
  took("B56", "what aufs left", ALL, directory(".wh..wh.plnk"), file(".wh..wh.plnk/1.2"), file(".wh..wh.aufs")),
  took("B57", "a mark of a name of 251 bytes", ALL, pax([["path", `.wh.${LONG}`]]), file("short")),
  refused("B57", "a mark of a name of 252 bytes", /255/, pax([["path", `.wh.${LONG}n`]]), file("short")),
  refused("B59", "a character device 0:0", /0:0/, entry({ name: "etc/motd", typeflag: "3" })),
  took(
    "B60",
    "an opaque directory by overlayfs's own mark, which is none here",
    ALL,
    pax([["SCHILY.xattr.trusted.overlay.opaque", "y"]]),
    directory("opt"),
  ),
  refused("B61", "a mark of the root", /no mark/, file("/.wh.")),
  took("B61", "marks of /dev and /proc", without("dev", "proc"), file(".wh.dev"), file(".wh.proc")),
  took("links", "a mark of one name of a hardlink group", without("one"), file(".wh.one")),
  took("links", "a mark of the directory of one name", without("opt"), file(".wh.opt")),
  took("links", "an opaque directory of one name", without("opt/app", "opt/keep", "opt/two"), file("opt/.wh..wh..opq")),
  took("links", "one name of a group replaced", ALL, file("opt/two", "new")),
  took("links", "one more name for a group below", [...ALL, "three"], hardlink("three", "opt/two")),
];

for (const { id, why, layer, rejects, gives } of rows) {
  test(`readLayer() ${rejects === undefined ? "takes" : "refuses"} ${why} (${id})`, async (t) => {
    const layout = temporaryStore(t);
    const store = await LayeredStore.at(layout);
    const base = await store.read(undefined, BASE);
    if (rejects !== undefined) {
      const error = await t.throwsAsync(store.read(base, layer), {
        instanceOf: VarveError,
        code: "SOURCE_INVALID",
        message: rejects,
      });
      t.regex(error.message, /the layer, entry/);
      t.deepEqual(readdirSync(layout.scratch, "utf8"), []);
      return;
    }
    const commit = await store.read(base, layer);
    const found = await store.describe(commit);
    t.deepEqual(
      found.map((each) => each["path"]).filter((each) => each !== ""),
      [...gives!].sort(),
    );
    const groups = found.map((each) => each["links"] as string[]).filter((each) => each.length > 0);
    for (const group of groups) for (const name of group) t.true(gives!.includes(name), name);
  });
}
