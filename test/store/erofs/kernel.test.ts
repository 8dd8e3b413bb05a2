import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { bytesOfText, type ByteString } from "../../../core/model/byte-string.js";
import type { DirectoryEntry } from "../../../core/model/entry.js";
import type { LayerId } from "../../../core/model/ids.js";
import type { OtherNode } from "../../../core/model/tree.js";
import type { LayerStore } from "../../../core/ports/layer-store.js";
import { openDirectoryTree } from "../../../store/directory/directory-tree.js";
import { verifyLayer } from "../../helpers/verify-layer.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { addDescribed, addLayer, fsckErofs, layerFixture, mountImage, mountOverlay, publish, witness } from "./layer-fixture.js";

const kernelTest = testIf("erofs", "overlay", "fsck.erofs", "getfattr", "setfacl");
const ROOT: DescribedEntry = { path: "", type: "directory" };
const DIRECTORY: DirectoryEntry = {
  type: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: [],
};

/** Everything that a Linux filesystem can hold, made by other programs than ours. */
function wildDirectory(t: ExecutionContext): string {
  const directory = path.join(temporaryDirectory(t), "wild");
  mkdirSync(directory);
  execFileSync("sh", ["-eu", "-c", WILD], { cwd: directory });
  writeFileSync(Buffer.from(`${directory}/\xff\xfe\x01`, "latin1"), "no text");
  symlinkSync("x".repeat(4095), `${directory}/long-link`);
  for (const length of [1, 4031, 4032, 4033, 4095, 4096, 4097, 70_000])
    writeFileSync(`${directory}/f${length}`, "v".repeat(length));
  return directory;
}

const WILD = `
mkdir -p a/b/c empty 'dir with space' "$(printf '%0255d' 7)"
printf hello > a/f; ln a/f a/b/hardlink; ln a/f zz; ln -s a/f link; ln -s /absolute a/dangling; ln -P link a/link-too
mkfifo pipe; ln pipe a/pipe; mknod null c 1 3; mknod disk b 259 70000; mknod big c 4095 1048575
node -e 'require("net").createServer().listen("socket", () => process.kill(process.pid, "SIGKILL"))' || test -S socket
chmod 6755 a/f; chmod 1777 empty; chmod 2750 a/b; chown 1234:4294967294 a; chown -h 5:6 link; chown 65536:70000 pipe
touch -d '1901-12-14 00:00:00.123456789 UTC' zz; touch -d '2100-01-01 00:00:00.000000001 UTC' a; touch -h -d @-1.5 link
setfattr -n user.note -v 'two words' a/f; setfattr -n user.binary -v 0x00ff0a00 a; setfattr -n trusted.t -v x empty
setfattr -n security.label -v system_u null; setfattr -h -n trusted.link -v 1 link
setfattr -n user.long -v "$(printf '%01900d' 3)" a/b; setfattr -n "user.$(printf '%0250d' 3)" -v 1 pipe 2>/dev/null || :
setfacl -m u:1000:rwx,g:50:r a/b; setfacl -d -m u:1000:rwx a/b
cp /bin/true capable; setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 capable
truncate -s 0 none; truncate -s 1M hole; printf x | dd of=sparse bs=1 seek=3145727 conv=notrunc status=none
printf head > mixed; truncate -s 400K mixed; printf tail >> mixed; cp --reflink=never mixed copy
head -c 3000000 /dev/urandom > random
touch -d @1600000000.5 a/b .
`;

kernelTest(
  "a published image of a real directory, mounted, is the directory in the eyes of find, getfattr and sha256sum",
  async (t) => {
    const source = wildDirectory(t);
    const { store, layers } = layerFixture(t);
    const tree = openDirectoryTree(source);
    const [id] = await addLayer(store, [], tree);
    tree.close();
    const image = store.image(id as LayerId);
    t.is(fsckErofs(image), undefined);
    t.deepEqual(verifyLayer(path.join(layers, id as LayerId), id as LayerId), []);
    const wanted = witness(source);
    // Else two empty lists would be equal.
    t.true(wanted.entries.length >= 40 && wanted.xattrs.length >= 11 && wanted.digests.length >= 20);
    t.deepEqual(witness(mountImage(t, image)), wanted);
  },
);

kernelTest("a chain that changes a real directory, mounted as overlay, is the changed directory", async (t) => {
  const source = wildDirectory(t);
  const { store } = layerFixture(t);
  let chain: LayerId[] = [];
  const mounts: string[] = [];
  const changes = [
    ":",
    "rm -r a/b f4096; chmod 600 zz; mv random a/; rm null; mkdir null; echo new > null/x; rm -r empty; echo file > empty; touch hole",
    "rm -r null; echo again > null; rm empty; mkdir empty; rm zz; mkdir -p a/b; echo 2 > a/b/2; chown -R 7:7 a; setfattr -x user.binary a",
    "rm a/random; cp sparse sparse2; rm -r a; mkdir a; echo y > a/y; touch -d @5 .",
  ];
  for (const change of changes) {
    execFileSync("sh", ["-euc", change], { cwd: source });
    const tree = openDirectoryTree(source);
    chain = await addLayer(store, chain, tree);
    tree.close();
    const image = store.image(chain[0] as LayerId);
    t.is(fsckErofs(image), undefined);
    mounts.unshift(mountImage(t, image));
    t.deepEqual(witness(mounts.length > 1 ? mountOverlay(t, mounts) : (mounts[0] as string)), witness(source), change);
  }
});

kernelTest("borrowed content is read through the devices of a mount, and takes no room", async (t) => {
  const { store } = layerFixture(t);
  const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, n) => (n * n * 31) >> 3));
  const sparse = { size: 3_000_000, data: [[1_000_000, "middle"]] } as const;
  const one = await addDescribed(
    store,
    [],
    [
      ROOT,
      { path: "a", type: "file", content: bytes },
      { path: "s", type: "file", content: sparse },
      { path: "short", type: "file", content: "short" },
    ],
  );
  const two = await addDescribed(store, one, [
    ROOT,
    { path: "a", type: "file", content: bytes, mode: 0o600 },
    { path: "s", type: "file", content: sparse, mode: 0o600 },
    { path: "short", type: "file", content: "short", mode: 0o600 },
  ]);
  const three = await addDescribed(store, two, [ROOT, { path: "b", type: "file", content: bytes, mode: 0o600 }]);
  const images = three.map((id) => store.image(id));
  t.deepEqual(images[1]?.devices, [store.image(one[0] as LayerId).path]);
  for (const image of images) t.is(fsckErofs(image), undefined);
  t.true(store.storedBytes(two[0] as LayerId) <= 16_384);
  const mounted = mountImage(t, images[1] as never);
  t.deepEqual(readFileSync(`${mounted}/a`), bytes);
  const overlay = mountOverlay(t, [mounted, mountImage(t, images[2] as never)]);
  t.is(readFileSync(`${overlay}/s`).toString("latin1").replaceAll("\0", ""), "middle");
  t.is(readFileSync(`${overlay}/short`, "utf8"), "short");
});

kernelTest("content that a lender itself borrows is borrowed from its owner: there is no chain of devices", async (t) => {
  const { store } = layerFixture(t);
  let chain: LayerId[] = [];
  for (const mode of [0o600, 0o640, 0o644, 0o400]) {
    chain = await addDescribed(store, chain, [ROOT, { path: "f", type: "file", content: "x".repeat(10_000), mode }]);
  }
  const image = store.image(chain[0] as LayerId);
  t.deepEqual(image.devices, [store.image(chain[3] as LayerId).path]);
  t.is(readFileSync(`${mountImage(t, image)}/f`, "utf8"), "x".repeat(10_000));
});

kernelTest("a layer of more data than is held back in memory has room for a device table longer than a block", async (t) => {
  const { store, layers } = layerFixture(t);
  let chain: LayerId[] = [];
  const entries: DescribedEntry[] = [ROOT];
  for (let n = 0; n < 30; n += 1) {
    entries.push({ path: `f${n}`, type: "file", content: `${n} `.repeat(3000), mode: 0o600 });
    chain = await addDescribed(store, chain, entries);
  }
  const big: DescribedEntry = { path: "a", type: "file", content: Buffer.alloc(9 << 20, "big") };
  const readable = entries.map((entry) => (entry.type === "file" ? { ...entry, mode: 0o644 } : entry));
  const [id] = await addDescribed(store, chain, [ROOT, big, ...readable.slice(1)]);
  const image = store.image(id as LayerId);
  t.is(image.devices.length, 30);
  t.is(fsckErofs(image), undefined);
  t.deepEqual(verifyLayer(path.join(layers, image.id), image.id), []);
  const mounted = mountImage(t, image);
  for (let n = 0; n < 30; n += 1) t.is(readFileSync(`${mounted}/f${n}`, "utf8"), `${n} `.repeat(3000));
  t.true(readFileSync(`${mounted}/a`).equals(Buffer.alloc(9 << 20, "big")));
});

kernelTest("an inode with 70,000 names has 70,000 links", (t) => {
  const { store } = layerFixture(t);
  const id = publish(store, [], (writer) => {
    const root = writer.root(DIRECTORY);
    const first = writer.other(root, "p" as ByteString, { ...DIRECTORY, type: "fifo" });
    for (let n = 1; n < 70_000; n += 1) writer.link(root, `p${n}` as ByteString, first);
  });
  t.is(statSync(`${mountImage(t, store.image(id))}/p9`).nlink, 70_000);
  const tree = store.openTree([id]);
  const node = tree.root.child("p777" as ByteString) as OtherNode;
  t.is(node.links?.paths().length, 70_000);
  tree.close();
});

kernelTest("a directory of 100,000 names is listed and searched by the kernel", (t) => {
  const { store } = layerFixture(t);
  const names = Array.from({ length: 100_000 }, (_, n) => `${(n * 7919) % 100_000}-${"n".repeat(n % 40)}`);
  const id = publish(store, [], (writer) => {
    const root = writer.root(DIRECTORY);
    for (const name of names) writer.other(root, name as ByteString, { ...DIRECTORY, type: "fifo", mode: 0o600 });
  });
  t.is(fsckErofs(store.image(id)), undefined);
  const mounted = mountImage(t, store.image(id));
  t.deepEqual(readdirSync(mounted).sort(), names.toSorted());
  for (const name of ["0-", ...names.slice(0, 500)]) t.true(statSync(`${mounted}/${name}`).isFIFO());
  t.throws(() => statSync(`${mounted}/absent`), { code: "ENOENT" });
});

kernelTest("a file of 5 GiB with little data is stored in little room and read back at its ends", (t) => {
  const { store } = layerFixture(t);
  const size = 5 * 2 ** 30 + 3;
  const id = publish(store, [], (writer) => {
    const root = writer.root(DIRECTORY);
    const sink = writer.sink();
    sink.write(Buffer.from("first"));
    sink.hole(size - 9);
    sink.write(Buffer.from("last"));
    writer.file(root, "big" as ByteString, { ...DIRECTORY, type: "file", mode: 0o644, size }, sink.close());
  });
  t.true(store.storedBytes(id) < 1 << 20);
  const mounted = mountImage(t, store.image(id));
  t.is(statSync(`${mounted}/big`).size, size);
  t.is(execFileSync("sh", ["-c", `head -c 5 ${mounted}/big; tail -c 4 ${mounted}/big`], { encoding: "latin1" }), "firstlast");
});

kernelTest("whiteouts hide in the kernel what they hide in openTree()", async (t) => {
  const { store } = layerFixture(t);
  const below = await addDescribed(
    store,
    [],
    [
      ROOT,
      { path: "d", type: "directory" },
      { path: "d/below", type: "file", content: "1" },
      { path: "gone", type: "directory" },
      { path: "gone/x", type: "file" },
      { path: "kept", type: "file" },
    ],
  );
  const id = publish(store, below, (writer) => {
    const root = writer.root(DIRECTORY);
    writer.directory(root, "d" as ByteString, DIRECTORY);
    writer.whiteout(root, "gone" as ByteString);
  });
  const overlay = mountOverlay(
    t,
    [id, ...below].map((layer) => mountImage(t, store.image(layer))),
  );
  t.deepEqual(readdirSync(overlay).sort(), ["d", "kept"]);
  const tree = store.openTree([id, ...below]);
  t.deepEqual(
    [...tree.root.children()].map(([name]) => name),
    ["d", "kept"] as ByteString[],
  );
  tree.close();
});

kernelTest("xattrs too large for an inode go to the shared area, and the kernel reads them", async (t) => {
  const { store } = layerFixture(t);
  const xattrs = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`user.x${n}`, String(n).repeat(60_000 + n)]));
  const [id] = await addDescribed(
    store,
    [],
    [
      ROOT,
      { path: "f", type: "file", content: "x", xattrs },
      { path: "g", type: "file", content: "y".repeat(4000), xattrs: { "user.five": "5".repeat(5000) } },
      { path: "h", type: "file", content: "z", xattrs: { "user.all": "6".repeat(65_535) } },
    ],
  );
  const mounted = mountImage(t, store.image(id as LayerId));
  for (const [name, value] of Object.entries(xattrs)) {
    const read = execFileSync("getfattr", ["--absolute-names", "--only-values", "-n", name, `${mounted}/f`], {
      maxBuffer: 1 << 20,
    });
    t.is(read.toString("latin1"), value);
  }
  t.is(readFileSync(`${mounted}/g`, "utf8"), "y".repeat(4000));
  t.is(execFileSync("getfattr", ["--absolute-names", "--only-values", "-n", "user.all", `${mounted}/h`]).length, 65_535);
});

for (const namespace of ["trusted", "user"]) {
  kernelTest(`a user's own ${namespace}.overlay xattr is shown under overlayfs by its own name`, async (t) => {
    const { store } = layerFixture(t);
    const name = `${namespace}.overlay.opaque`;
    const entries: DescribedEntry[] = [
      ROOT,
      { path: "d", type: "directory", xattrs: { [name]: "y" } },
      { path: "d/f", type: "file" },
    ];
    const lower = await addDescribed(store, [], [ROOT, { path: "d", type: "directory" }, { path: "d/g", type: "file" }]);
    const chain = await addDescribed(store, lower, [...entries, { path: "d/g", type: "file" }]);
    const overlay = mountOverlay(
      t,
      chain.map((id) => mountImage(t, store.image(id))),
    );
    t.is(
      execFileSync("getfattr", ["--absolute-names", "--only-values", "-n", name, `${overlay}/d`], { encoding: "latin1" }),
      "y",
    );
    t.deepEqual(readdirSync(`${overlay}/d`).sort(), ["f", "g"]);
    const tree = store.openTree(chain);
    t.deepEqual(
      tree.root.child(bytesOfText("d"))?.entry.xattrs.map((xattr) => xattr.name as string),
      [name],
    );
    tree.close();
  });
}

kernelTest("the mount of a chain's newest layer alone shows what it holds and no more", async (t) => {
  const { store } = layerFixture(t);
  const chain = await deepChain(store);
  const mounted = mountImage(t, store.image(chain[0] as LayerId));
  t.deepEqual(readdirSync(mounted), ["f39"]);
});

async function deepChain(store: LayerStore): Promise<LayerId[]> {
  let chain: LayerId[] = [];
  const entries: DescribedEntry[] = [ROOT];
  for (let n = 0; n < 40; n += 1) {
    entries.push({ path: `f${n}`, type: "file", content: `${n}`.repeat(5000) });
    chain = await addDescribed(store, chain, entries);
  }
  return chain;
}
