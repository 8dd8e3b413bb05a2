import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import type { CommitId, LayerId } from "../../../core/model/ids.js";
import { importSource } from "../../../core/operations/import-source.js";
import { addsUpTo } from "../../../core/trees/check-tree.js";
import { compareTrees } from "../../../core/trees/compare-trees.js";
import { layerChain } from "../../../core/layers/layer-chain.js";
import { CheckpointedTrees } from "../../../store/maintenance/checkpointed-trees.js";
import type { Finding } from "../../../core/maintenance/check-store.js";
import { filledStore, patch, truncate, type FilledStore } from "../../helpers/filled-store.js";
import { maintainedStore } from "../../helpers/maintained-store.js";
import { verifyLayer } from "../../helpers/verify-layer.js";

const BLOCK_BYTES = 4096;

function one(findings: readonly Finding[], part: Finding["part"], name: string): Finding | undefined {
  return findings.find((finding) => finding.part === part && finding.name === name);
}

test("fsck of a sound store finds nothing, quick or not", async (t) => {
  const store = await filledStore(t);
  t.deepEqual(await store.fsck(), { findings: [], checked: { layers: 3, commits: 3, containers: 1, content: true } });
  t.deepEqual((await store.fsck({ quick: true })).findings, []);
});

test("a flipped byte of a content is found with its path, commits, refs and containers, and by whom borrows it", async (t) => {
  const store = await filledStore(t);
  patch(store.repository.layers.image(store.lender).path, BLOCK_BYTES + 5000);
  const { findings } = await store.fsck();
  t.like(one(findings, "layer", store.lender), {
    state: "holds damaged contents",
    faults: [{ kind: "content", path: "big", state: "has another content than its digest says" }],
    commits: [store.first, store.second, store.third],
    refs: ["refs/heads/main", "refs/heads/web"],
    containers: ["web"],
  });
  t.like(one(findings, "layer", store.borrower), { faults: [{ kind: "lender", path: "big" }] });
  t.deepEqual((await store.fsck({ quick: true })).findings, []);
});

interface LayerCase {
  readonly what: string;
  damage(file: string): void;
  readonly state: RegExp;
}

const LAYER_CASES: readonly LayerCase[] = [
  { what: "a flipped byte of an inode", damage: (file) => patch(file, statSync(file).size - BLOCK_BYTES + 128 + 40), state: /./ },
  { what: "a flipped byte of the digest table", damage: (file) => patch(file, statSync(file).size - 500), state: /./ },
  {
    what: "a flipped byte of the superblock",
    damage: (file) => patch(file, 1024 + 40),
    state: /superblock has a wrong checksum/,
  },
  {
    what: "an image cut off",
    damage: (file) => truncate(file, statSync(file).size - BLOCK_BYTES),
    state: /it has \d+ bytes, expected/,
  },
  { what: "an empty image", damage: (file) => truncate(file, 0), state: /superblock is cut off/ },
  { what: "an image that grew", damage: (file) => patch(file, statSync(file).size), state: /it has \d+ bytes, expected/ },
  { what: "a deleted image", damage: (file) => rmSync(file), state: /^is missing$/ },
];

for (const { what, damage, state } of LAYER_CASES) {
  test(`${what} is found by fsck --quick, with commits and refs`, async (t) => {
    const store = await filledStore(t);
    damage(store.repository.layers.image(store.lender).path);
    const found = one((await store.fsck({ quick: true })).findings, "layer", store.lender);
    t.regex(found?.state ?? "", state);
    t.deepEqual(found?.commits, [store.first, store.second, store.third]);
    t.deepEqual(found?.containers, ["web"]);
  });
}

test("a device table that names another layer, or another length, is found", async (t) => {
  for (const [offset, bytes] of [
    [0, Buffer.from("f".repeat(64))],
    [64, Buffer.from([0x77])],
  ] as const) {
    const store = await filledStore(t);
    patch(store.repository.layers.image(store.borrower).path, 1152 + offset, bytes);
    const found = one((await store.fsck({ quick: true })).findings, "layer", store.borrower);
    t.truthy(found);
    t.deepEqual(found?.commits, [store.second, store.third]);
  }
});

test("a missing lender is told of at the layer that needs it, too", async (t) => {
  const store = await filledStore(t);
  rmSync(store.repository.layers.image(store.lender).path);
  const { findings } = await store.fsck({ quick: true });
  t.like(one(findings, "layer", store.borrower), { faults: [{ kind: "lender" }] });
});

test("a commit whose layers add up to another tree is found", async (t) => {
  const store = await filledStore(t);
  const { history } = store.repository;
  const other = await history.readCommit(store.first);
  const lie = { ...(await history.readCommit(store.third)), tree: other.tree, parents: [store.second] };
  const id = await history.writeCommit({ ...lie, message: "lie" });
  await history.updateRefs([{ name: "refs/heads/lie" as never, before: undefined, after: id }]);
  for (const quick of [true, false]) {
    t.deepEqual(
      (await store.fsck({ quick })).findings.map(({ part, name, state, refs }) => ({ part, name, state, refs })),
      [
        {
          part: "commit",
          name: id as string,
          state: "its layers add up to another tree than it names",
          refs: ["refs/heads/lie" as never],
        },
      ],
    );
  }
});

test("a missing commit object is found, with the refs that lead there", async (t) => {
  const store = await filledStore(t);
  rmSync(path.join(store.layout.git, "objects", store.second.slice(0, 2), store.second.slice(2)));
  const { findings } = await store.fsck();
  t.regex(one(findings, "commit", store.second)?.state ?? "", /it is missing$/);
  t.deepEqual(one(findings, "commit", store.second)?.commits, [store.second, store.third]);
  t.deepEqual(one(findings, "commit", store.second)?.refs, ["refs/heads/main" as never, "refs/heads/web" as never]);
  t.regex(one(findings, "ref", "refs/heads/web")?.state ?? "", /can't be read$/);
});

interface FileCase {
  readonly what: string;
  damage(store: FilledStore): void | Promise<void>;
  readonly part: Finding["part"];
  readonly state: RegExp;
}

const FILE_CASES: readonly FileCase[] = [
  {
    what: "a ref of zeros",
    damage: ({ layout }) => writeFileSync(path.join(layout.git, "refs/heads/web"), "\0".repeat(41)),
    part: "ref",
    state: /holds no commit id/,
  },
  {
    what: "a ref to no commit",
    damage: ({ layout }) => writeFileSync(path.join(layout.git, "refs/heads/web"), "ab".repeat(20)),
    part: "ref",
    state: /leads to commit "(ab)+", which can't be read/,
  },
  { what: "an empty HEAD", damage: ({ layout }) => writeFileSync(path.join(layout.git, "HEAD"), ""), part: "ref", state: /HEAD/ },
  {
    what: "a flipped byte of the operation log",
    damage: ({ layout }) => patch(layout.operationLog, 30),
    part: "operation",
    state: /checksum is wrong/,
  },
  {
    what: "a container's record that is no JSON",
    damage: ({ layout }) => writeFileSync(recordFile(layout.containers), "{"),
    part: "container",
    state: /its record can't be read/,
  },
  {
    what: "a container that lists other layers than its commit has",
    damage: ({ layout, borrower }) => {
      const file = recordFile(layout.containers);
      const record = JSON.parse(readFileSync(file, "utf8")) as object;
      writeFileSync(file, JSON.stringify({ ...record, layers: [borrower] }));
    },
    part: "container",
    state: /lists other layers/,
  },
];

function recordFile(containers: string): string {
  const [id] = readdirSync(containers).filter((name) => /^[0-9a-f]{12}$/.test(name));
  return path.join(containers, id!, "container.json");
}

for (const { what, damage, part, state } of FILE_CASES) {
  test(`${what} is found, and --repair ${what.includes("operation log") ? "mends it" : "leaves it alone"}`, async (t) => {
    const store = await filledStore(t);
    await damage(store);
    const found = (await store.fsck({ quick: true })).findings.filter((finding) => finding.part === part);
    t.is(found.length, 1);
    t.regex(found[0]?.state ?? "", state);
    const after = (await store.fsck({ quick: true, repair: true })).findings.filter((finding) => finding.part === part);
    t.is(after[0]?.repaired, what.includes("operation log"));
  });
}

test("an operation that names a missing commit is damage, unless garbage collection took it", async (t) => {
  const store = await filledStore(t);
  const gone = "cd".repeat(20) as CommitId;
  const refs = [{ name: "refs/heads/x" as never, before: gone, after: undefined }];
  const { id } = await store.repository.operations.append({ command: "x", refs, trees: [] });
  t.regex(one((await store.fsck({ quick: true })).findings, "operation", id)?.state ?? "", /names commit/);
  writeFileSync(path.join(store.layout.operations, "horizon"), `${new Date(Date.now() + 1000).toISOString()}\n`);
  t.deepEqual((await store.fsck({ quick: true })).findings, []);
});

test("--repair removes caches that lie: a cached commit, a stat index", async (t) => {
  const store = await filledStore(t);
  const { layout, repository, first } = store;
  patch(path.join(layout.worktree, "index"), 70);
  const lie = { ...(await repository.history.readCommit(first)), message: "never written" };
  const { CommitCache } = await import("../../../store/git/commit-cache.js");
  new CommitCache(layout.commitCache).put(lie, undefined);
  const states = (await store.fsck({ quick: true })).findings.map(({ part, name }) => `${part} ${name}`).sort();
  t.deepEqual(states, [`cache ${first}`, "cache worktree/index"]);
  const repaired = (await store.fsck({ repair: true })).findings;
  t.deepEqual(
    repaired.map(({ repaired: done }) => done),
    [true, true],
  );
  t.deepEqual((await store.fsck()).findings, []);
  t.is((await store.reopened().history.readCommit(first)).message, "first");
});

test("--repair removes views that lie, and what points at them", async (t) => {
  const store = await maintainedStore(t);
  const { layout, repository } = store;
  let last: CommitId | undefined;
  for (let number = 0; number < 66; number += 1) {
    writeFileSync(path.join(store.directory, `f${number % 9}`), `${number} `.repeat(3000));
    last = await store.commit(`${number}`);
  }
  const chain = await layerChain(repository.history, last as CommitId);
  const run = path.dirname((await repository.layers.images(chain))[1]?.path as string);
  const states = async (): Promise<string[]> =>
    (await store.fsck({ quick: true })).findings.map(({ part, name, state }) => `${part} ${name} ${state}`).sort();
  t.deepEqual(await states(), []);
  const [pack] = readdirSync(layout.packs) as [string];
  patch(path.join(layout.packs, pack), BLOCK_BYTES + 17);
  mkdirSync(path.join(layout.runs, "stray"));
  t.deepEqual(await states(), [
    `cache views/packs/${pack} has other contents than its digests say`,
    `cache views/runs/${path.basename(run)} points at pack "${pack.split(".")[1]}", which is broken`,
    "cache views/runs/stray has a name that no view has, or is empty",
  ]);
  t.true((await store.fsck({ repair: true })).findings.every(({ repaired }) => repaired));
  t.deepEqual(await states(), []);
  await repository.layers.images(chain);
  t.deepEqual(readdirSync(layout.packs), [pack]);
});

test("a leftover is a notice", async (t) => {
  const store = await filledStore(t);
  writeFileSync(path.join(store.layout.layers, "notes.txt"), "x");
  t.like((await store.fsck()).findings, [{ part: "notice", name: "layers/sha256/notes.txt" }]);
});

test("--repair moves a damaged layer to quarantine, deletes nothing, and importing the same tree makes the store sound", async (t) => {
  const store = await maintainedStore(t);
  const source = path.join(path.dirname(store.directory), "source");
  mkdirSync(source);
  writeFileSync(path.join(source, "a"), "a".repeat(9000));
  const imported = async (branch: string): Promise<LayerId> => {
    const options = { branch: `refs/heads/${branch}` as never, message: "import", command: "import" };
    return (await importSource(store.reopened(), { kind: "directory", path: source }, options)).commit.layer;
  };
  const layer = await imported("one");
  const file = store.repository.layers.image(layer).path;
  patch(file, BLOCK_BYTES + 100);
  const damaged = readFileSync(file);
  const found = one((await store.fsck({ repair: true })).findings, "layer", layer);
  const kept = path.join(store.layout.root, "quarantine", layer);
  t.is(found?.repair, `moved to ${kept}`);
  t.false(found?.repaired);
  t.deepEqual(readFileSync(kept), damaged);
  t.false(existsSync(file));
  t.regex(one((await store.fsck()).findings, "layer", layer)?.state ?? "", /is missing/);
  t.is(await imported("two"), layer);
  t.deepEqual((await store.fsck()).findings, []);
});

test("--repair fetches a damaged content from a layer that holds the same bytes", async (t) => {
  const store = await filledStore(t);
  const { repository, lender, layout } = store;
  // From another store, as a pull or a bundle brings it: what is written here would borrow the content.
  const other = await maintainedStore(t);
  writeFileSync(path.join(other.directory, "copy"), Buffer.alloc(20_000, "big content "));
  writeFileSync(path.join(other.directory, "more"), "m".repeat(9000));
  const { layer } = await other.repository.history.readCommit(await other.commit("copy"));
  copyFileSync(other.layout.layer(layer), layout.layer(layer));
  const file = repository.layers.image(lender).path;
  const whole = readFileSync(file);
  patch(file, BLOCK_BYTES + 4096 + 17, Buffer.alloc(3000, 0x55));
  const found = one((await store.fsck({ repair: true })).findings, "layer", lender);
  t.true(found?.repaired);
  t.deepEqual(readFileSync(file), whole);
  t.true(existsSync(path.join(layout.root, "quarantine", lender)));
  t.is(statSync(file).mode & 0o777, 0o400);
  t.deepEqual((await store.fsck()).findings, []);
  t.deepEqual(readdirSync(layout.scratch), []);
});

test("a large layer is read by several threads, which find what one finds", async (t) => {
  const store = await maintainedStore(t);
  for (let number = 0; number < 40; number += 1) {
    writeFileSync(path.join(store.directory, `f${number}`), Buffer.alloc(300_000, `content ${number} `));
  }
  const commit = await store.commit("many");
  const layer = await store.layerOf(commit);
  const file = store.repository.layers.image(layer).path;
  for (let block = 20; block < 2900; block += 500) patch(file, block * BLOCK_BYTES);
  const { verifyLayers } = await import("../../../store/maintenance/verify-pool.js");
  const seen: number[] = [];
  const faults = await verifyLayers([layer], {
    layers: store.layout.layers,
    content: true,
    observe: ({ bytes }) => seen.push(bytes),
  });
  const paths = faults
    .get(layer)
    ?.map(({ path: at }) => at as string)
    .sort();
  t.deepEqual(
    paths,
    verifyLayer(file, layer)
      .map(({ path: at }) => at as string)
      .sort(),
  );
  t.is(paths?.length, 6);
  t.true(seen.length > 0);
});

test("checkpoints of a deep chain show what the chain shows, tell a lie from the truth, and leave nothing behind", async (t) => {
  const store = await maintainedStore(t);
  const { repository, directory, layout } = store;
  const tips = [await store.commit("empty")];
  for (let number = 1; number < 24; number += 1) {
    writeFileSync(path.join(directory, `f${number % 7}`), `${number}`);
    if (number % 5 === 0) rmSync(path.join(directory, `f${(number - 3) % 7}`), { force: true });
    tips.push(await store.commit(`${number}`));
  }
  const trees = new CheckpointedTrees(layout, 4);
  try {
    for (const tip of tips) {
      const chain = await layerChain(repository.history, tip);
      const direct = repository.layers.openTree(chain);
      t.deepEqual(await compareTrees(direct, await trees.open(chain)), []);
      direct.close();
      const { tree } = await repository.history.readCommit(tip);
      t.true(await addsUpTo(trees, chain, tree, false));
      // The same layer on another parent than that which it was written for.
      if (chain.length > 2) t.false(await addsUpTo(trees, [chain[0]!, ...chain.slice(2)], tree, false));
    }
    t.is(readdirSync(layout.scratch).length, 1);
  } finally {
    trees.close();
  }
  t.deepEqual(readdirSync(layout.scratch), []);
});
