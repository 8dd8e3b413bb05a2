import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { nodeAt } from "../../../core/model/paths.js";
import { layerChain } from "../../../core/layers/layer-chain.js";
import { openLiveTree } from "../../../core/operations/targets.js";
import type { FileContent } from "../../../core/model/tree.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { trackedRepository, type TrackedRepository } from "../../helpers/tracked-repository.js";
import { mountImage, mountOverlay, witness } from "../erofs/layer-fixture.js";

// What a layer holds may depend on the stat index.
delete process.env["SOURCE_DATE_EPOCH"];

const FILES = 200;
/** Files of some 3 kB and one of 100 kB. What was committed within a clock tick would be read again. */
const SOURCE = `mkdir -p a/deep b; for n in $(seq ${FILES}); do head -c 2900 /dev/urandom > a/deep/$n; done
  head -c 100000 /dev/urandom > a/large; echo b > b/b; head -c 3000 /dev/urandom > single; ln b/b b/linked; sleep 0.1`;

function sh({ directory }: TrackedRepository, script: string): void {
  execFileSync("bash", ["-ec", script], { cwd: directory });
}

async function storedBytes({ repository, commit }: TrackedRepository, message: string): Promise<number> {
  return (await repository.history.readCommit(await commit(message))).storedBytes;
}

/** The directory as it is, without the store in it. */
function mirrorOf(t: ExecutionContext, { directory }: TrackedRepository): string {
  const mirror = path.join(temporaryDirectory(t), "mirror");
  execFileSync("sh", ["-ec", 'cp -a . "$0"; rm -r "$0/.varve"; touch -r . "$0"', mirror], { cwd: directory });
  return mirror;
}

/** What each commit stores at most: inodes, names and digests, and the contents that changed. */
const MOVES: readonly (readonly [change: string, most: number])[] = [
  ["mv a moved", 90_000],
  ["mv moved/deep deep; mv single moved/single", 90_000],
  ["mv deep/1 t; mv deep/2 deep/1; mv t deep/2; mv deep/3 deep/4", 8192],
  ["mv deep a; mkdir deep; echo new > deep/5; mv moved/large large", 90_000],
  ["chmod 600 a/7; mv a/7 seven; chown 1:2 a/8; mv a/8 a/eight; mv b/b b/c; mv large b/large", 12_288],
  ["cp -a moved b/copied; mkdir b/again; cp -p a/2? b/again; cp -p a/20 b/again/twice; cp a/21 b/again/anew", 60_000],
  ["chmod 600 b/again/20; mv b/again more; cp -p more/21 third; echo more >> more/22; mv more/23 a/23", 16_384],
  ["head -c 30000000 /dev/urandom > large", 30_100_000],
  ["printf X | dd of=large bs=1 seek=10000001 conv=notrunc status=none; sleep 0.1", 120_000],
  ["cp large same; mv large other", 8192],
  ["cp other more/other; chmod 600 same; printf Y | dd of=other bs=1 seek=20000001 conv=notrunc status=none", 80_000],
  ["mv a/9 x; echo more >> x; mv a/10 y; printf other | dd of=y conv=notrunc status=none; touch -r a/11 y", 16_384],
];

testIf(
  "erofs",
  "overlay",
  "getfattr",
)("files that moved in a tracked directory are not stored again, and the kernel finds them", async (t) => {
  const tracked = await trackedRepository(t);
  const { repository, commit } = tracked;
  sh(tracked, SOURCE);
  let tip = await commit("first");
  for (const [change, most] of MOVES) {
    sh(tracked, change);
    tip = await commit(change);
    const { storedBytes: bytes } = await repository.history.readCommit(tip);
    t.true(bytes <= most, `${change}: ${bytes}`);
    const images = await repository.layers.images(await layerChain(repository.history, tip));
    const mounts = images.map((image) => mountImage(t, image));
    t.deepEqual(witness(mountOverlay(t, mounts)), witness(mirrorOf(t, tracked)), change);
  }
});

test("what moved with its directory is known without being read; what was renamed itself is read", async (t) => {
  const tracked = await trackedRepository(t);
  const { repository, target, commit } = tracked;
  sh(tracked, SOURCE);
  await commit("first");
  sh(
    tracked,
    "mv a moved; mv single renamed; cp -p moved/deep/2 copy; mv moved/deep/3 .; printf changed | dd of=3 conv=notrunc status=none",
  );
  const trees = await openLiveTree(repository, target);
  const contentOf = (at: string): FileContent => {
    const node = nodeAt(trees.live, at as never);
    if (node === undefined || !("content" in node)) throw new TypeError(`no file "${at}"`);
    return node.content;
  };
  for (const moved of ["deep/1", "deep/150", "large"]) {
    const { knownDigest, stored } = contentOf(`moved/${moved}`);
    t.is(knownDigest?.length, 64);
    t.deepEqual([stored?.path, stored?.digest], [`a/${moved}`, knownDigest] as never);
  }
  for (const [name, origin] of Object.entries({ renamed: "single", copy: "a/deep/2", "3": undefined })) {
    const { knownDigest, stored, likelyAt } = contentOf(name);
    t.deepEqual([knownDigest, stored], [undefined, undefined]);
    t.deepEqual(likelyAt?.call(contentOf(name)) as unknown, origin === undefined ? [] : [origin]);
  }
  trees.close();
});

test.serial("with SOURCE_DATE_EPOCH a layer is the same with a stat index and without", async (t) => {
  process.env["SOURCE_DATE_EPOCH"] = "86400";
  t.teardown(() => delete process.env["SOURCE_DATE_EPOCH"]);
  const tracked = await trackedRepository(t);
  sh(tracked, SOURCE);
  await tracked.commit("first");
  sh(tracked, "mv a moved; mv single renamed; cp -p b/b copy");
  sh(tracked, "cp -a .varve ../store; touch -d @7 .");
  const { layer } = await tracked.repository.history.readCommit(await tracked.commit("with"));
  sh(tracked, "rm -r .varve; mv ../store .varve; rm .varve/worktree/index; touch -d @7 .");
  t.is((await tracked.repository.history.readCommit(await tracked.commit("without"))).layer, layer);
});

test("what was copied without its time, or is one of several names, is stored again", async (t) => {
  const tracked = await trackedRepository(t);
  sh(tracked, SOURCE);
  await tracked.commit("first");
  const elsewhere = mkdtempSync(path.join(temporaryDirectory(t), "elsewhere-"));
  sh(tracked, `cp -r a/deep ${elsewhere}; rm -r a/deep; mv ${elsewhere}/deep back; mv b/linked b/other`);
  t.true((await storedBytes(tracked, "copied")) > FILES * 2900);
  sh(tracked, "ln back/1 one; ln back/2 two");
  t.true((await storedBytes(tracked, "linked")) < 20_000);
});
