// What the store keeps of layers that came in, and puts back when it is lost.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { putLayeredImage } from "../helpers/layered-image.js";
import { startRegistry } from "../helpers/local-registry.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { userStore, type UserStore } from "../helpers/user-store.js";

const test = testIf("docker-registry").serial;

interface Setting extends UserStore {
  readonly tars: () => readonly string[];
  readonly folder: string;
  readonly pull: (...words: string[]) => { readonly added: number; readonly warnings: readonly string[] };
  /** Layers that were asked for so far. */
  readonly asked: () => number;
  readonly host: string;
}

async function setting(t: ExecutionContext, tars?: readonly Buffer[]): Promise<Setting> {
  const [store, { host, requests }] = [userStore(t, undefined), await startRegistry(t)];
  const parts = { repository: "app", tag: "1", sizes: [40_000, 50_000], ...(tars && { tars }) };
  const { layers } = await putLayeredImage(t, host, parts);
  const folder = path.join(store.store, "blobs/tars");
  return {
    ...store,
    host,
    folder,
    tars: () => (existsSync(folder) ? readdirSync(folder).sort() : []),
    pull: (...words) =>
      (JSON.parse(store.ok("--json", "pull", ...words, `${host}/app:1`)) as { added: number; warnings: string[] }[])[0]!,
    asked: () => requests().filter((request) => layers.some(({ digest }) => request === `GET /v2/app/blobs/${digest}`)).length,
  };
}

// A record is made of the blob that is kept, and where none is the layer comes once more.
for (const [keep, transfers] of [
  ["always", 2],
  ["never", 3],
] as const)
  test(`a record of a tar that is lost comes back with the next pull, --keep-blobs ${keep}`, async (t) => {
    const { pull, tars, folder, asked, ok } = await setting(t);
    pull("--keep-blobs", keep);
    const records = tars();
    t.is(records.length, 2);
    const bytes = records.map((name) => readFileSync(path.join(folder, name)));
    rmSync(path.join(folder, records[0]!));
    t.is(pull("--keep-blobs", keep).added, 1);
    t.deepEqual(tars(), records);
    t.deepEqual(
      records.map((name) => readFileSync(path.join(folder, name))),
      bytes,
    );
    t.is(asked(), transfers);
    t.is(pull("--keep-blobs", keep).added, 0);
    t.is(asked(), transfers);
    t.regex(ok("fsck"), /^Sound/);
  });

/** A file stands in it twice: of the first no layer holds the content. */
function tarWithEntryTwice(t: ExecutionContext): Buffer {
  const folder = temporaryDirectory(t);
  for (const [content, mode] of [
    ["first", "-cf"],
    ["second", "-rf"],
  ] as const) {
    writeFileSync(path.join(folder, "file"), content.repeat(1000));
    t.is(spawnSync("tar", ["--mtime=@1000000000", mode, "twice.tar", "file"], { cwd: folder }).status, 0);
  }
  return readFileSync(path.join(folder, "twice.tar"));
}

test("a layer that has an entry twice has no record, which is remembered: it is not read again and again", async (t) => {
  const { pull, tars, asked, ok, store, host } = await setting(t, [tarWithEntryTwice(t)]);
  t.deepEqual(pull().warnings, []);
  t.regex(tars().join(), /^[0-9a-f]{64}\.none$/);
  t.is(pull().added, 0);
  t.is(asked(), 1);
  t.is(ok("cat", `${host}/app:1:/file`), "second".repeat(1000));
  t.regex(ok("fsck"), /^Sound/);
  // With its copy lost it goes out as what it holds; the next pull puts the copy back.
  const { digest } = JSON.parse(ok("--json", "push", `${host}/app:1`, `${host}/copy:1`)) as { digest: string };
  const { manifest } = (JSON.parse(ok("--json", "images")) as { manifest: string }[])[0]!;
  t.is(digest, manifest);
  rmSync(path.join(store, "blobs/sha256"), { recursive: true });
  pull();
  t.is(asked(), 2);
  ok("rmi", `${host}/app:1`);
  ok("gc", "--now", "--yes");
  t.deepEqual(tars(), []);
});

test("a layer that has an entry twice and is not kept says that it goes out otherwise", async (t) => {
  const { pull } = await setting(t, [tarWithEntryTwice(t)]);
  t.regex(pull("--keep-blobs", "never").warnings.join(), /has an entry twice/);
  t.deepEqual(pull("--keep-blobs", "never").warnings, []);
});
