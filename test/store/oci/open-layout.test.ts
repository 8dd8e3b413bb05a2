import { readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { archive, directory, file, hardlink, symlink } from "../tar/raw-tar.js";
import { INDEX, LAYER, Layout, MANIFEST } from "./layout-on-disk.js";

const BASE = archive(
  directory("etc"),
  file("etc/hosts", "a"),
  file("etc/motd", "bb"),
  directory("opt"),
  directory("opt/app"),
  file("opt/app/old", "ccc"),
  file("opt/keep", "d"),
  symlink("lib", "opt"),
);

const rows: readonly (readonly [why: string, layers: readonly Buffer[], wants: readonly string[]])[] = [
  ["an image without layers", [], []],
  [
    "a layer that replaces and adds",
    [BASE, archive(file("etc/hosts", "new!"), file("new", ""))],
    [
      "etc directory",
      "etc/hosts 4",
      "etc/motd 2",
      "lib symlink",
      "new 0",
      "opt directory",
      "opt/app directory",
      "opt/app/old 3",
      "opt/keep 1",
    ],
  ],
  [
    "whiteouts of a file, a directory and a symlink",
    [BASE, archive(file("etc/.wh.motd"), file("opt/.wh.app"), file(".wh.lib"), file(".wh.absent"))],
    ["etc directory", "etc/hosts 1", "opt directory", "opt/keep 1"],
  ],
  [
    "an opaque directory, whose mark comes first",
    [BASE, archive(file("opt/.wh..wh..opq"), file("opt/mine", "x"))],
    ["etc directory", "etc/hosts 1", "etc/motd 2", "lib symlink", "opt directory", "opt/mine 1"],
  ],
  [
    "an opaque directory, whose mark comes last",
    [
      BASE,
      archive(directory("opt"), file("opt/mine", "x"), directory("opt/app"), file("opt/app/n", "x"), file("opt/.wh..wh..opq")),
    ],
    [
      "etc directory",
      "etc/hosts 1",
      "etc/motd 2",
      "lib symlink",
      "opt directory",
      "opt/app directory",
      "opt/app/n 1",
      "opt/mine 1",
    ],
  ],
  [
    "a whiteout beside a new directory of that name",
    [BASE, archive(directory("opt/app"), file("opt/app/new", "x"), file("opt/.wh.app"))],
    [
      "etc directory",
      "etc/hosts 1",
      "etc/motd 2",
      "lib symlink",
      "opt directory",
      "opt/app directory",
      "opt/app/new 1",
      "opt/keep 1",
    ],
  ],
  [
    "a whiteout below a symlink, which leads within the image",
    [BASE, archive(file("lib/.wh.keep"))],
    ["etc directory", "etc/hosts 1", "etc/motd 2", "lib symlink", "opt directory", "opt/app directory", "opt/app/old 3"],
  ],
  [
    "a hardlink to a file of a layer below",
    [BASE, archive(hardlink("etc/again", "etc/hosts"))],
    [
      "etc directory",
      "etc/again 1",
      "etc/hosts 1",
      "etc/motd 2",
      "lib symlink",
      "opt directory",
      "opt/app directory",
      "opt/app/old 3",
      "opt/keep 1",
    ],
  ],
  [
    "a file that comes again after its whiteout",
    [BASE, archive(file("etc/.wh.motd"), file(".wh.opt"), file(".wh.lib")), archive(file("etc/motd", "four"))],
    ["etc directory", "etc/hosts 1", "etc/motd 4"],
  ],
];

for (const [why, layers, wants] of rows) {
  test(`openLayout() shows ${why}`, async (t) => {
    const layout = new Layout(temporaryDirectory(t));
    layout.index(layout.image(layers));
    t.deepEqual((await layout.paths()).sort(), [...wants].sort());
    t.deepEqual(readdirSync(layout.scratch, "utf8"), []);
  });
}

test("openLayout() takes the image that is named, by its name, the tag of its reference or its digest", async (t) => {
  const layout = new Layout(temporaryDirectory(t));
  const named = (name: string): object => ({ annotations: { "org.opencontainers.image.ref.name": name } });
  const one = layout.image([archive(file("one", ""))], named("docker.io/library/a:v1"));
  const two = layout.image([archive(file("two", ""))], named("v2"));
  layout.index(one, two);
  t.deepEqual(await layout.paths("v1"), ["one 0"]);
  t.deepEqual(await layout.paths("docker.io/library/a:v1"), ["one 0"]);
  t.deepEqual(await layout.paths("v2"), ["two 0"]);
  t.deepEqual(await layout.paths(two.digest), ["two 0"]);
  const several = await t.throwsAsync(layout.paths(), { instanceOf: VarveError, message: /holds 2, wanted the name of one/ });
  t.regex(several?.hint ?? "", /"v2"/);
  await t.throwsAsync(layout.paths("v3"), { code: "SOURCE_MISSING", message: /none is called "v3"/ });
});

test("openLayout() takes the image for this machine out of an index in the index, and no attestation", async (t) => {
  const layout = new Layout(temporaryDirectory(t));
  const here = { x64: "amd64", arm64: "arm64" }[process.arch as string] ?? process.arch;
  const platform = (architecture: string, os = "linux"): object => ({ platform: { architecture, os } });
  const own = layout.image([archive(file("own", ""))], platform(here));
  const other = layout.image([archive(file("other", ""))], platform("s390x"));
  const attestation = layout.image([archive(file("attestation", ""))], platform("unknown", "unknown"));
  layout.index(layout.blob({ schemaVersion: 2, manifests: [attestation, other, own] }, INDEX));
  t.deepEqual(await layout.paths(), ["own 0"]);
});

interface Bad {
  readonly why: string;
  readonly make: (layout: Layout) => void;
  readonly message: RegExp;
}

function spoiled(layout: Layout, spoil: (hex: string, size: number) => void): void {
  const layer = layout.blob(gzipSync(BASE), LAYER);
  layout.index(layout.blob({ layers: [layer] }, MANIFEST));
  spoil(layer.digest.slice(7), layer.size);
}

const bad: readonly Bad[] = [
  {
    why: "a layer with other bytes of that size",
    make: (layout) =>
      spoiled(layout, (hex, size) => writeFileSync(layout.file(hex), gzipSync(BASE, { level: 0 }).subarray(0, size))),
    message: /layer 1/,
  },
  {
    why: "a layer that is shorter",
    make: (layout) => spoiled(layout, (hex, size) => writeFileSync(layout.file(hex), Buffer.alloc(size - 1))),
    message: /its layer 1 has \d+ bytes, expected \d+/,
  },
  {
    why: "a missing layer",
    make: (layout) => spoiled(layout, (hex) => rmSync(layout.file(hex))),
    message: /its layer 1 is missing/,
  },
  {
    why: "a symlink in the place of a layer",
    make: (layout) =>
      spoiled(layout, (hex) => {
        rmSync(layout.file(hex));
        symlinkSync("/etc/passwd", layout.file(hex));
      }),
    message: /is a symbolic link/,
  },
  {
    why: "a layer with something after its gzip stream",
    make: (layout) => {
      const bytes = gzipSync(BASE);
      const layer = layout.blob(Buffer.concat([bytes, Buffer.from("rest")]), LAYER);
      layout.index(layout.blob({ layers: [{ ...layer, digest: `sha256:${"0".repeat(64)}` }] }, MANIFEST));
    },
    message: /is missing/,
  },
  {
    why: "a digest that is a path",
    make: (layout) => layout.index({ mediaType: MANIFEST, digest: "sha256:../../../etc/passwd", size: 10 }),
    message: /a descriptor in its index can't be read/,
  },
  {
    why: "a manifest larger than any",
    make: (layout) => layout.index({ ...layout.image([]), size: 1e12 }),
    message: /expected at most 4194304/,
  },
  {
    why: "an index that leads in a circle",
    make: (layout) => {
      let inner = layout.image([]);
      for (let depth = 0; depth < 9; depth += 1) inner = layout.blob({ manifests: [inner], depth }, INDEX);
      layout.index(inner);
    },
    message: /more than 4 deep/,
  },
  {
    why: "an encrypted layer",
    make: (layout) => {
      const layer = layout.blob(BASE, "application/vnd.oci.image.layer.v1.tar+encrypted");
      layout.index(layout.blob({ layers: [layer] }, MANIFEST));
    },
    message: /its layer 1 is of the type/,
  },
  { why: "a mark of nothing", make: (layout) => layout.index(layout.image([archive(file(".wh."))])), message: /no mark/ },
  {
    why: "a mark of the directory above",
    make: (layout) => layout.index(layout.image([archive(file("a/.wh..."))])),
    message: /no mark/,
  },
  {
    why: "an entry below a mark",
    make: (layout) => layout.index(layout.image([archive(file(".wh.a/b"))])),
    message: /marks what is gone/,
  },
  {
    why: "a path that leads out",
    make: (layout) => layout.index(layout.image([archive(file("../b"))])),
    message: /layer 1 of the OCI layout, entry/,
  },
  {
    why: "another version",
    make: (layout) => layout.write("oci-layout", { imageLayoutVersion: "9" }),
    message: /version is "9"/,
  },
  { why: "no JSON", make: (layout) => writeFileSync(path.join(layout.path, "index.json"), "{"), message: /no JSON/ },
  { why: "manifests that are no list", make: (layout) => layout.write("index.json", { manifests: {} }), message: /no manifests/ },
];

for (const { why, make, message } of bad) {
  test(`openLayout() refuses ${why}`, async (t) => {
    const layout = new Layout(temporaryDirectory(t));
    layout.index(layout.image([]));
    make(layout);
    await t.throwsAsync(layout.paths(), { instanceOf: VarveError, code: "SOURCE_INVALID", message });
    t.deepEqual(readdirSync(layout.scratch, "utf8"), []);
  });
}

test("openLayout() reads a layer to its end, though its decompressor has enough before", async (t) => {
  const layout = new Layout(temporaryDirectory(t));
  const layer = layout.blob(Buffer.concat([gzipSync(BASE), Buffer.alloc(1 << 20, "x")]), LAYER);
  layout.index(layout.blob({ layers: [layer] }, MANIFEST));
  const file = layout.file(layer.digest.slice(7));
  const good = await layout.paths().then(
    () => true,
    (error: unknown) => (error as VarveError).code === "SOURCE_INVALID",
  );
  t.true(good);
  writeFileSync(file, Buffer.concat([gzipSync(BASE), Buffer.alloc(1 << 20, "y")]));
  await t.throwsAsync(layout.paths(), { instanceOf: VarveError, code: "SOURCE_INVALID" });
});
