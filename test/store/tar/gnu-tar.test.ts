import { closeSync, createReadStream, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { exportTar, type ExportOptions } from "../../../store/tar/export-tar.js";
import { importTar } from "../../../store/tar/import-tar.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { testIf } from "../../helpers/requirements.js";
import { listing } from "./import-bytes.js";
import { MemoryLayerWriter } from "./memory-layer-writer.js";
import { shell, WILD } from "./wild-tree.js";

/** Real archives of a wild tree, made and unpacked by GNU tar and bsdtar, compared by find, getfattr and sha256sum. */
const testTar = testIf("root", "tar", "getfattr", "setfattr", "setfacl", "setcap");
const DESCRIBE = String.raw`
  find . -printf '%P|%y|%m|%U|%G|%T@|%l|%n\n' | LC_ALL=C sort; find . ! -type d -printf '%P|%s\n' | LC_ALL=C sort
  find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - -e hex --; find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum`;

function scratch(t: ExecutionContext): (name: string) => string {
  const folder = mkdtempSync(path.join(tmpdir(), "varve-tar-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return (name) => {
    const inside = path.join(folder, name);
    mkdirSync(inside);
    return inside;
  };
}

async function imported(
  archive: string,
): Promise<{ writer: MemoryLayerWriter; tree: Awaited<ReturnType<typeof importTar>>["tree"]; warnings: readonly string[] }> {
  const writer = new MemoryLayerWriter();
  const { tree, warnings } = await importTar(createReadStream(archive), writer.asWriter());
  return { writer, tree: writer.readable(tree), warnings };
}

/** Imports one archive, exports what came in as another. */
async function throughVarve(from: string, to: string, options?: ExportOptions): Promise<readonly string[]> {
  const { tree, warnings } = await imported(from);
  const fd = openSync(to, "w");
  await exportTar(tree, (chunk) => void writeSync(fd, chunk), options);
  closeSync(fd);
  return warnings;
}

const OPTIONS = "--xattrs --xattrs-include='*' --acls";
const CREATE = `tar ${OPTIONS} -S`;
const EXTRACT = `tar ${OPTIONS} -xpf`;

for (const sparse of [false, true]) {
  testTar(`exportTar() of what GNU tar made is unpacked by GNU tar as it was${sparse ? ", sparse" : ""}`, async (t) => {
    const folder = scratch(t);
    const [from, to] = [folder("from"), folder("to")];
    shell(WILD, from);
    shell(`${CREATE} --format=pax -cf ../in.tar .`, from);
    t.deepEqual(await throughVarve(`${from}/../in.tar`, `${from}/../out.tar`, { sparse }), []);
    shell(`${EXTRACT} ../out.tar`, to);
    t.is(shell(DESCRIBE, to), shell(DESCRIBE, from));
    if (sparse) t.true(statSync(`${to}/hole`).blocks * 512 < 2 ** 20);
  });
}

const FORMATS = [
  { format: "pax", options: `${OPTIONS} -S`, names: "f d/hard l p c zero big sticky back?slash a* sparse tail" },
  { format: "gnu", options: "-S", names: "f d/hard l p c zero big sticky back?slash a* d/x* zlink sparse tail" },
  { format: "oldgnu", options: "-S", names: "f d/hard l p c zero big sticky back?slash a* d/x* zlink sparse tail" },
  { format: "ustar", options: "", names: "f d/hard zero big back?slash a* sparse tail" },
  { format: "v7", options: "", names: "f d/hard zero big back?slash a* sparse tail" },
] as const;
for (const { format, options, names } of FORMATS) {
  testTar(`importTar() reads GNU tar's format ${format} as GNU tar does`, async (t) => {
    const folder = scratch(t);
    const [from, ours, theirs] = [folder("from"), folder("ours"), folder("theirs")];
    shell(WILD, from);
    shell("touch -d @1500000000 f", from);
    shell(`tar ${options} --format=${format} -cf ../in.tar ${names}`, from);
    await throughVarve(`${from}/../in.tar`, `${from}/../out.tar`);
    shell(`${EXTRACT} ../out.tar`, ours);
    shell(`${EXTRACT} ../in.tar`, theirs);
    // Directories that no entry tells of have no time of their own.
    for (const target of [ours, theirs]) shell("find . -newer ../in.tar -type d -exec touch -d @0 {} +; touch -d @0 . d", target);
    t.is(shell(DESCRIBE, ours), shell(DESCRIBE, theirs));
  });
}

for (const version of ["0.0", "0.1", "1.0"]) {
  testTar(`importTar() reads GNU tar's sparse files of version ${version} with their holes`, async (t) => {
    const folder = scratch(t);
    const from = folder("from");
    shell("truncate -s 5M sparse; printf one | dd of=sparse bs=1 seek=1M conv=notrunc status=none; truncate -s 40M hole", from);
    shell(`tar --format=pax --sparse-version=${version} -S -cf ../in.tar sparse hole`, from);
    const { tree, writer } = await imported(`${from}/../in.tar`);
    const sums = shell("sha256sum hole sparse", from);
    for (const [name, node] of tree.root.children()) {
      t.true("content" in node);
      if (!("content" in node)) return;
      t.regex(sums, new RegExp(`^${node.content.digest()}  ${name}$`, "m"));
      t.true(writer.extents(node.content.stored).some(({ kind, length }) => kind === "hole" && length >= 2 ** 20));
    }
  });
}

testTar("exportTar() gives names that are no UTF-8, hardlinked FIFOs and extremes to GNU tar", async (t) => {
  const folder = scratch(t);
  const to = folder("to");
  const tree = memoryTree([
    { path: "", type: "directory", mode: 0o750 },
    { path: "pipe", type: "fifo", mode: 0o600, mtimeSeconds: -2, mtimeNanoseconds: 500_000_000 },
    { path: "pipe2", type: "fifo", linkTo: "pipe" },
    { path: "\xff".repeat(200), type: "file", content: "x", uid: 4_294_967_294, gid: 2_097_152 },
    { path: "socket", type: "socket" },
  ]);
  const fd = openSync(`${to}/../out.tar`, "w");
  const { skipped } = await exportTar(tree, (chunk) => void writeSync(fd, chunk));
  closeSync(fd);
  t.deepEqual(skipped, ["/socket"]);
  shell(`${EXTRACT} ../out.tar`, to);
  const found = shell(String.raw`find . -printf '%P|%y|%m|%U|%G|%n\n' | LC_ALL=C sort; stat -c %.9Y pipe`, to);
  t.is(
    found,
    ["pipe2|p|600|0|0|2", "pipe|p|600|0|0|2", `${"\xff".repeat(200)}|f|644|4294967294|2097152|1`, "|d|750|0|0|2"]
      .sort()
      .join("\n") + "\n-1.500000000\n",
  );
});

testIf(
  "root",
  "bsdtar",
  "tar",
  "getfattr",
  "setfattr",
  "setfacl",
  "setcap",
)("importTar() reads what bsdtar made, ACLs and xattrs too", async (t) => {
  const folder = scratch(t);
  const [from, to] = [folder("from"), folder("to")];
  shell(WILD, from);
  // libarchive 3.6 writes -1.5 as -2.5.
  shell(
    "touch -d @1.5 f; touch -d @1500000000.1 d .; LC_ALL=C.UTF-8 bsdtar --format=pax --acls --xattrs -cf ../in.tar . 2>/dev/null || true",
    from,
  );
  t.deepEqual(await throughVarve(`${from}/../in.tar`, `${from}/../out.tar`), []);
  shell(`${EXTRACT} ../out.tar`, to);
  t.is(shell(DESCRIBE, to), shell(DESCRIBE, from));
});

testTar("importTar() finds in Debian's own names what tar lists", async (t) => {
  const folder = scratch(t);
  const from = folder("from");
  shell("tar --format=gnu -cf ../in.tar -C / etc", from);
  const { tree, writer, warnings } = await imported(`${from}/../in.tar`);
  const names = shell("tar -tf ../in.tar", from)
    .split("\n")
    .filter((name) => name !== "");
  t.is(listing({ tree, writer, warnings }).length, names.length);
});
