import { spawnSync } from "node:child_process";
import { createReadStream, readdirSync } from "node:fs";
import test, { type ExecutionContext } from "ava";
import { VarveError } from "../../../core/errors.js";
import { writeLayer } from "../../../core/layers/write-layer.js";
import type { ContentDigest } from "../../../core/model/ids.js";
import type { Tree } from "../../../core/model/tree.js";
import { exportTar, type ExportOptions } from "../../../store/tar/export-tar.js";
import { importTar } from "../../../store/tar/import-tar.js";
import { describeTree } from "../../contracts/described-tree.js";
import { treeContract } from "../../contracts/tree-contract.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { layerFixture } from "../erofs/layer-fixture.js";
import { inPieces } from "./import-bytes.js";
import { archive, file, hardlink, header } from "./raw-tar.js";

const NAME = '"root.tar"';

/** Imports into a real layer image and opens that. */
async function throughLayer(t: ExecutionContext, stream: AsyncIterable<Uint8Array>): Promise<Tree> {
  const { store } = layerFixture(t);
  const writer = store.write([]);
  const { tree } = await importTar(stream, writer, NAME);
  await writeLayer(writer, store.openTree([]), tree);
  return store.openTree([writer.publish().id]);
}

async function exported(tree: Tree, options?: ExportOptions): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await exportTar(tree, (chunk) => void chunks.push(chunk), options);
  return Buffer.concat(chunks);
}

treeContract(
  test,
  "tar imported into a layer",
  async (entries, t) => throughLayer(t, inPieces(await exported(memoryTree(entries), { sparse: true }))),
  { sockets: false, privileged: false },
);

test("importTar() stores equal contents once, and names of one inode share it", async (t) => {
  const { store } = layerFixture(t);
  const sizes: number[] = [];
  for (const parts of [
    [file("a", "x".repeat(100_000))],
    [file("a", "x".repeat(100_000)), file("b", "x".repeat(100_000)), hardlink("c", "a")],
  ]) {
    const writer = store.write([]);
    const { tree } = await importTar(inPieces(archive(...parts)), writer, NAME);
    await writeLayer(writer, store.openTree([]), tree);
    sizes.push(writer.publish().storedBytes);
  }
  t.is(sizes[1], sizes[0]);
});

test("importTar() of a broken archive leaves a writer that can be aborted, and nothing behind", async (t) => {
  const { store, layers, scratch } = layerFixture(t);
  for (const parts of [[file("a", "x".repeat(9000)), file("../b")], [header({ name: "cut", size: 5000 })]]) {
    const writer = store.write([]);
    await t.throwsAsync(importTar(inPieces(archive(...parts)), writer, NAME), { instanceOf: VarveError });
    writer.abort();
    t.deepEqual([readdirSync(layers), readdirSync(scratch)], [[], []]);
  }
});

const FAULTS: readonly (readonly [bytes: Buffer, message: RegExp])[] = [
  [Buffer.alloc(100, "x"), /^Cannot read "root\.tar": it ends too early$/],
  [header({ name: "the tar", size: 5000 }), /^Cannot read "root\.tar", entry "the tar": it ends too early$/],
  [Buffer.from([0x1f, 0x8b, 8, 0, 0]), /^Cannot read "root\.tar": its gzip data is cut off/],
  [Buffer.from("BZh91AY"), /^Cannot read "root\.tar": its bzip2 data is cut off/],
];

for (const [bytes, message] of FAULTS) {
  test(`importTar() names the archive where it fails: ${String(message)}`, async (t) => {
    const writer = layerFixture(t).store.write([]);
    await t.throwsAsync(importTar(inPieces(bytes), writer, NAME), { code: "SOURCE_INVALID", message });
    writer.abort();
  });
}

test("open() of an imported file before its layer is published throws, and its digest is known", async (t) => {
  const writer = layerFixture(t).store.write([]);
  const { tree } = await importTar(inPieces(archive(file("f", "hello\n"))), writer, NAME);
  const node = tree.root.child("f" as never);
  t.true(node !== undefined && "content" in node);
  if (node === undefined || !("content" in node)) return;
  t.is(node.content.digest(), "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03" as ContentDigest);
  t.throws(() => node.content.open(), { code: "BUG" });
  writer.abort();
});

testIf("root", "tar")(
  "importTar() of this machine's programs gives a layer whose export GNU tar finds equal to them",
  async (t) => {
    const folder = temporaryDirectory(t);
    const run = (command: string): string => spawnSync("bash", ["-c", command], { encoding: "utf8" }).stdout;
    run(
      `tar --format=pax --xattrs --xattrs-include='*' --acls -C /usr -cf ${folder}/in.tar sbin lib/systemd share/perl5 2>/dev/null`,
    );
    const tree = await throughLayer(t, createReadStream(`${folder}/in.tar`));
    const bytes = await exported(tree);
    const { stdout, stderr } = spawnSync("tar", ["--compare", "-C", "/usr", "-f", "-"], { input: bytes, encoding: "utf8" });
    // The implied parents share and lib have no time of their own.
    const differences = `${stdout}${stderr}`
      .split("\n")
      .filter((line) => line !== "" && !/^(\.|lib|share)\/?: |hdrcharset/.test(line));
    t.deepEqual(differences, []);
    t.true(describeTree(tree).length > 100);
  },
);
