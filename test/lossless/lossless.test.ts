import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import type { LayerImageFile } from "../../core/ports/layer-store.js";
import { MNT_DETACH, mount, MS_RDONLY, unmount } from "../../linux/mount.js";
import { openLayerStore } from "../../store/layers/layer-store.js";
import { storeLayout } from "../../store/store-layout.js";
import { testIf } from "../helpers/requirements.js";
import { LosslessFilesystem, witness, WITNESS_PROGRAM, type Witness } from "./lossless-filesystem.js";
import { ROWS, rowsScript, type Row } from "./rows.js";

const NEEDS = ["erofs", "overlay", "oci-runtime", "mkfs.ext4", "bash", "python3", "tar", "setfattr", "setfacl"] as const;
const losslessTest = testIf(...NEEDS);

/** The ways through varve, each with what it must equal. Filled before the tests; a way that failed holds the error alone. */
const WAYS = [
  ["commit of a tracked directory, checkout", "made", "checked out", undefined],
  ["commit of the changed directory, checkout", "changed", "checked out changed", undefined],
  ["checkout of the commit before", "made", "checked out before", undefined],
  ["rollback", "made", "rolled back", undefined],
  ["undo of the rollback", "changed", "undone", undefined],
  ["import of a directory, kernel mount", "made without holes", "mounted", undefined],
  ["commit in a container, kernel mount of the stack", "in the container", "mounted changed", undefined],
  ["commit in a container, kernel mount of one image of a long chain", "mounted changed with trusted", "flattened", undefined],
  ["rollback of the container", "made without holes", "container rolled back", "notInTar"],
  ["undo of the container's rollback", "mounted changed with trusted", "container undone", "notInTar"],
  ["import of GNU tar's archive, checkout", "made", "from GNU tar", "notInGnuTar"],
  ["export, extracted by GNU tar", "made", "by GNU tar", "notInGnuTar"],
  ["export, import, checkout", "made", "exported and imported", "notInTar"],
] as const;

const seen = new Map<string, Witness | string>();
let filesystem: LosslessFilesystem | undefined;

losslessTest.before(() => {
  filesystem = new LosslessFilesystem();
  attempt(
    ["made", "checked out", "changed", "checked out changed", "checked out before", "rolled back", "undone"],
    trackedDirectory,
  );
  attempt(["from GNU tar", "by GNU tar", "exported and imported"], archives);
  attempt(
    [
      "made without holes",
      "mounted",
      "in the container",
      "mounted changed",
      "mounted changed with trusted",
      "flattened",
      "container rolled back",
      "container undone",
    ],
    container,
  );
});
losslessTest.after.always(() => filesystem?.close());

for (const row of ROWS) {
  for (const [way, source, copy, lacking] of WAYS) {
    if (isLeftOut(row, lacking)) continue;
    losslessTest(`${row.name}: ${way}: nothing is lost`, (t) => {
      const [wanted, found] = [witnessOf(source), witnessOf(copy)];
      t.true((wanted[row.name] ?? []).length > 1, "there is something to lose");
      t.deepEqual(found[row.name], wanted[row.name]);
    });
  }
}

losslessTest("in a container trusted xattrs survive changes that know nothing of them", (t) => {
  const trusted = (all: Witness): string[] =>
    ["xattrs"].flatMap((row) =>
      (all[row] ?? []).map((line) => `${(JSON.parse(line) as string[])[0]} ${/"trusted[^"]*"/.exec(line)?.[0]}`),
    );
  t.deepEqual(trusted(witnessOf("mounted changed with trusted")), trusted(witnessOf("changed")));
});

function isLeftOut(row: Row, lacking: "notInGnuTar" | "notInTar" | undefined): boolean {
  if (lacking === undefined) return false;
  return row.notInTar !== undefined || (lacking === "notInGnuTar" && row.notInGnuTar !== undefined);
}

function witnessOf(name: string): Witness {
  const found = seen.get(name);
  if (typeof found === "object") return found;
  throw new RangeError(found ?? `nothing was seen: ${name}`);
}

/** Runs a way; where it fails, what it did not come to says so. */
function attempt(names: readonly string[], way: (at: LosslessFilesystem) => void): void {
  try {
    way(filesystem!);
  } catch (error) {
    const output = (error as { stderr?: Buffer }).stderr?.toString() ?? "";
    for (const name of names) if (!seen.has(name)) seen.set(name, `${String(error)}\n${output}`.slice(0, 4000));
  }
}

/** What stands in a tracked directory, without its store. */
function tracked(directory: string): Witness {
  return Object.fromEntries(Object.entries(witness(directory)).filter(([name]) => name !== ".varve"));
}

function trackedDirectory(at: LosslessFilesystem): void {
  const source = at.directory("tracked");
  at.varve(["init"], source);
  at.shell(rowsScript("make"), source);
  seen.set("made", tracked(source));
  at.varve(["commit", "-m", "made"], source);
  at.varve(["checkout", "HEAD", path.join(at.path, "out-1")], source);
  seen.set("checked out", witness(path.join(at.path, "out-1")));
  at.shell(rowsScript("change"), source);
  seen.set("changed", tracked(source));
  at.varve(["commit", "-m", "changed"], source);
  at.varve(["checkout", "HEAD", path.join(at.path, "out-2")], source);
  seen.set("checked out changed", witness(path.join(at.path, "out-2")));
  at.varve(["checkout", "HEAD~1", path.join(at.path, "out-3")], source);
  seen.set("checked out before", witness(path.join(at.path, "out-3")));
  at.varve(["rollback", "HEAD~1"], source);
  seen.set("rolled back", tracked(source));
  at.varve(["undo"], source);
  seen.set("undone", tracked(source));
}

function archives(at: LosslessFilesystem): void {
  const source = path.join(at.path, "out-1");
  const place = at.directory("archives");
  const store = ["--store", path.join(at.path, "tar-store")];
  const options = "--format=posix --xattrs --xattrs-include='*' --acls --sparse --numeric-owner";
  at.shell(`tar ${options} -cf gnu.tar -C ${source} . 2>gnu.log || [ $? = 1 ]`, place);
  at.varve([...store, "import", "gnu.tar", "-b", "gnu"], place);
  at.varve([...store, "checkout", "gnu", "from-gnu"], place);
  seen.set("from GNU tar", witness(path.join(place, "from-gnu")));
  at.varve([...store, "import", source, "-b", "directory"], place);
  at.varve([...store, "export", "directory", "-o", "varve.tar"], place);
  at.varve([...store, "import", "varve.tar", "-b", "again"], place);
  at.varve([...store, "checkout", "again", "again"], place);
  seen.set("exported and imported", witness(path.join(place, "again")));
  const extracted = at.directory("archives", "by-gnu");
  at.shell(
    `tar ${options} --same-owner -p --exclude='./long-paths*' --exclude='long-paths*' -xf varve.tar -C ${extracted}`,
    place,
  );
  seen.set("by GNU tar", witness(extracted));
}

function container(at: LosslessFilesystem): void {
  const root = at.directory("root");
  at.shell("mkdir -p usr proc sys dev tmp etc witness; for name in bin lib lib64 sbin; do ln -s usr/$name $name; done", root);
  at.shell(rowsScript("make"), at.directory("root", "rows"));
  seen.set("made without holes", witness(path.join(root, "rows"), "without-holes"));
  const store = path.join(at.path, "store");
  const words = ["--store", store];
  at.varve([...words, "import", root, "-b", "base"], at.path);
  mounted(at, store, "base", (place) => void seen.set("mounted", witness(path.join(place, "rows"), "without-holes")));
  const script = `cd /rows; ${rowsScript("change")}; cd /; exec python3 /witness/witness.py /rows without-trusted without-holes`;
  const volumes = ["-v", "/usr:/usr:ro", "-v", `${path.dirname(WITNESS_PROGRAM)}:/witness:ro`];
  const output = at.varve([...words, "run", "--name", "box", ...volumes, "base", "--", "bash", "-euc", script], at.path);
  seen.set("in the container", JSON.parse(output) as Witness);
  at.varve([...words, "commit", "box", "-m", "changed"], at.path);
  mounted(at, store, "box", (place, whole) => {
    seen.set("mounted changed", witness(path.join(place, "rows"), "without-trusted", "without-holes"));
    seen.set("mounted changed with trusted", witness(path.join(place, "rows"), "without-holes"));
    seen.set("flattened", witness(path.join(whole, "rows"), "without-holes"));
  });
  at.varve([...words, "rollback", "box", "base"], at.path);
  seen.set("container rolled back", live(at, store, "rolled-back"));
  at.varve([...words, "undo"], at.path);
  seen.set("container undone", live(at, store, "undone"));
}

/** What the container shows now, by way of an archive. */
function live(at: LosslessFilesystem, store: string, name: string): Witness {
  // Another store: an import there is nothing that "undo" here would take back.
  const words = ["--store", path.join(at.path, "live-store")];
  at.varve(["--store", store, "export", "@box", "-o", `${name}.tar`], at.path);
  at.varve([...words, "import", `${name}.tar`, "-b", name], at.path);
  at.varve([...words, "checkout", name, name], at.path);
  return witness(path.join(at.path, name, "rows"), "without-holes");
}

/** Mounts what a branch's chain adds up to, layer by layer, and as one image of a long chain. */
function mounted(at: LosslessFilesystem, store: string, branch: string, look: (stack: string, whole: string) => void): void {
  const log = JSON.parse(at.varve(["--store", store, "--json", "log", branch], at.path)) as { layer: LayerId }[];
  const layers = openLayerStore(storeLayout(store));
  const chain = log.map(({ layer }) => layer);
  const points = chain.map((layer) => mountErofs(at, layers.image(layer)));
  try {
    points.push(mountErofs(at, flatten(store, chain)));
    const whole = mountOverlay(at, points.slice(-1));
    const stack = mountOverlay(at, points.slice(0, -1));
    points.push(whole, stack);
    look(stack, whole);
  } finally {
    for (const point of points.reverse()) unmount(point, MNT_DETACH);
  }
}

/** With an empty directory at the bottom: overlayfs wants two. */
function mountOverlay(at: LosslessFilesystem, layers: readonly string[]): string {
  const target = mkdtempSync(path.join(at.path, "mount-"));
  const data = `lowerdir=${[...layers, at.directory("nothing")].join(":")},metacopy=on,redirect_dir=on`;
  mount({ source: "overlay", target, type: "overlay", flags: MS_RDONLY, data });
  return target;
}

function mountErofs(at: LosslessFilesystem, { path: source, devices }: LayerImageFile): string {
  const target = mkdtempSync(path.join(at.path, "mount-"));
  mount({ source, target, type: "erofs", flags: MS_RDONLY, data: devices.map((device) => `device=${device}`).join(",") });
  return target;
}

/** What it calls gives a promise, and hooks are done one after the other: so another process makes it. */
function flatten(store: string, chain: readonly LayerId[]): LayerImageFile {
  const modules = ["store/layers/layer-store.js", "store/store-layout.js", "test/helpers/flattened-chain.js"];
  const script = `
    const [{ openLayerStore }, { storeLayout }, { flattenedChain }] = await Promise.all(${JSON.stringify(modules.map((module) => path.resolve("build", module)))}.map((module) => import(module)));
    const image = await flattenedChain(openLayerStore(storeLayout(process.argv[1])), JSON.parse(process.argv[2]));
    process.stdout.write(JSON.stringify(image));`;
  const words = ["--input-type=module", "-e", script, store, JSON.stringify(chain)];
  return JSON.parse(execFileSync(process.execPath, words, { encoding: "utf8" })) as LayerImageFile;
}
