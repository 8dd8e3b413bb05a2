import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { writeLayer } from "../../core/layers/write-layer.js";
import type { LayerId } from "../../core/model/ids.js";
import { openDirectoryTree } from "../../store/directory/directory-tree.js";
import { importTar } from "../../store/tar/import-tar.js";
import { verifyLayer } from "../helpers/verify-layer.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import {
  addLayer,
  fsckErofs,
  layerFixture,
  mountImage,
  mountOverlay,
  witness,
  type LayerFixture,
} from "./erofs/layer-fixture.js";

const kernelTest = testIf("erofs", "overlay", "fsck.erofs", "getfattr");
const MEBIBYTE = 1 << 20;

/** A real directory that is committed after each change, and compared with what the kernel shows of the layers. */
class History {
  readonly directory: string;
  readonly fixture: LayerFixture;
  chain: LayerId[] = [];
  readonly #t: ExecutionContext;
  readonly #mounts: string[] = [];

  constructor(t: ExecutionContext) {
    this.#t = t;
    this.fixture = layerFixture(t);
    this.directory = path.join(temporaryDirectory(t), "source");
    mkdirSync(this.directory);
  }

  /** @returns Bytes of disk that the new layer takes. */
  async commit(change: string): Promise<number> {
    execFileSync("bash", ["-euc", change], { cwd: this.directory });
    const tree = openDirectoryTree(this.directory);
    this.chain = await addLayer(this.fixture.store, this.chain, tree);
    tree.close();
    return this.#checked(change);
  }

  /** The same, but that the directory comes as an archive of GNU tar. */
  async commitArchive(change: string): Promise<number> {
    execFileSync("bash", ["-euc", change], { cwd: this.directory });
    const words = ["--format=pax", "--sparse", "--numeric-owner", "-cf", "-", "."];
    const bytes = execFileSync("tar", words, { cwd: this.directory, maxBuffer: 2 ** 30 });
    const { store } = this.fixture;
    const writer = store.write(this.chain);
    const base = store.openTree(this.chain);
    try {
      const { tree } = await importTar(pieces(bytes), writer, "the archive", base);
      await writeLayer(writer, base, tree);
      this.chain = [writer.publish().id, ...this.chain];
    } finally {
      writer.abort();
      base.close();
    }
    return this.#checked(change);
  }

  #checked(change: string): number {
    const { store, layers } = this.fixture;
    const id = this.chain[0] as LayerId;
    this.#t.is(fsckErofs(store.image(id)), undefined, change);
    this.#t.deepEqual(verifyLayer(path.join(layers, id), id), [], change);
    this.#mounts.unshift(mountImage(this.#t, store.image(id)));
    const shown = this.#mounts.length > 1 ? mountOverlay(this.#t, this.#mounts) : (this.#mounts[0] as string);
    this.#t.deepEqual(witness(shown), witness(this.directory), change);
    return store.storedBytes(id);
  }
}

async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

const BYTE_IN_THE_MIDDLE = "printf X | dd of=big bs=1 seek=10000000 conv=notrunc status=none";

kernelTest("of a file that changed in place the changed chunks alone are stored", async (t) => {
  const history = new History(t);
  const first = await history.commit("head -c 20000000 /dev/urandom > big");
  t.true(first >= 20_000_000);
  const table: readonly (readonly [change: string, most: number])[] = [
    [BYTE_IN_THE_MIDDLE, 80_000],
    ["printf Y | dd of=big bs=1 seek=10000001 conv=notrunc status=none; printf Z >> big", 80_000],
    ["chmod 600 big", 8192],
    ["mv big other; chmod 640 other; cp -p other third", 100_000],
    ["mv other big; rm third; chown 1:2 big", 60_000],
    ["head -c 1048576 /dev/urandom >> big", MEBIBYTE + 100_000],
    ["truncate -s 15000000 big", 80_000],
    ["truncate -s 16M big; printf end | dd of=big bs=1 seek=18000000 conv=notrunc status=none", 100_000],
    ["fallocate -p -o 4096000 -l 8192000 big", 80_000],
    ["head -c 100000 /dev/urandom | dd of=big bs=1000 seek=5000 conv=notrunc status=none", 250_000],
    ["cp big copy; cat big > copy2; rm big", 100_000],
    ["cat copy > big; touch big copy2", 120_000],
    ["(printf inserted; cat copy) > new; mv new big", 20_100_000],
    ["head -c 4095 copy > copy; printf short > copy2", 20_000],
  ];
  for (const [change, most] of table) {
    const bytes = await history.commit(change);
    t.true(bytes <= most, `${change}: ${bytes}`);
  }
});

kernelTest("of a file that changed in place within an archive the changed chunks alone are stored", async (t) => {
  const history = new History(t);
  t.true((await history.commitArchive("head -c 20000000 /dev/urandom > big; head -c 9000 /dev/urandom > small")) >= 20_000_000);
  const table: readonly (readonly [change: string, most: number])[] = [
    [BYTE_IN_THE_MIDDLE, 80_000],
    ["printf Y | dd of=big bs=1 seek=10000001 conv=notrunc status=none; printf Z >> big; printf 1 >> small", 80_000],
    ["head -c 1048576 /dev/urandom >> big", MEBIBYTE + 100_000],
    ["truncate -s 15000000 big; touch small", 80_000],
    ["fallocate -p -o 4096000 -l 8192000 big; printf end >> big", 80_000],
    ["cp big copy; chmod 600 big", 100_000],
    ["(printf inserted; cat copy) > big", 20_100_000],
    ["head -c 4095 copy > copy; printf short > big", 20_000],
  ];
  for (const [change, most] of table) {
    const bytes = await history.commitArchive(change);
    t.true(bytes <= most, `${change}: ${bytes}`);
  }
});

kernelTest("content that an older layer of the chain holds is found by its digest, with the index or without", async (t) => {
  const history = new History(t);
  await history.commit("head -c 3000000 /dev/urandom > a; head -c 9000 /dev/urandom > b; cp a keep");
  await history.commit("echo other > a; rm b");
  t.true((await history.commit("cat keep > a; cp keep c")) <= 20_000);
  await history.commit("mv keep /tmp/varve-once-$$; rm a c; cat /tmp/varve-once-$$ > again; rm /tmp/varve-once-$$");
  t.true((await history.commit("cat again > third; touch -d @7 again")) <= 20_000);
  rmSync(path.join(path.dirname(path.dirname(history.fixture.layers)), "views"), { recursive: true });
  t.true((await history.commit("cat again > fourth; rm again third")) <= 20_000);
  t.true((await history.commit("cat fourth > fifth")) <= 20_000);
});

kernelTest("a damaged index costs room alone", async (t) => {
  const history = new History(t);
  await history.commit("head -c 3000000 /dev/urandom > a; head -c 9000 /dev/urandom > b");
  const contents = path.join(path.dirname(path.dirname(history.fixture.layers)), "views", "contents");
  for (const damage of ["fill", "cut", "text"]) {
    for (const name of execFileSync("ls", [contents], { encoding: "utf8" }).split("\n").filter(Boolean)) {
      const fd = openSync(path.join(contents, name), "r+");
      if (damage === "fill") writeSync(fd, Buffer.alloc(4096, 0x41), 0, 40, 24);
      if (damage === "cut") ftruncateSync(fd, 41);
      if (damage === "text") writeSync(fd, "no index");
      closeSync(fd);
      t.true(readFileSync(path.join(contents, name)).length > 0);
    }
    await history.commit(`cat a > ${damage}; cat b > ${damage}2`);
  }
});
