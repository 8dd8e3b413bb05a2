import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { exportImage, type ExportedImage, type ExportImageOptions } from "../../../core/exchange/export-image.js";
import type { CommitId } from "../../../core/model/ids.js";
import { hexOf } from "../../../core/model/image.js";
import type { Repository } from "../../../core/ports/repository.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { commitDescribed, emptyRepository } from "../../helpers/travelling-history.js";

const ROOT: DescribedEntry = { path: "", type: "directory", mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 1_000_000_000 };
const file = (name: string, content: string): DescribedEntry => ({
  path: name,
  type: "file",
  mode: 0o640,
  uid: 7,
  gid: 8,
  content: Buffer.from(content),
  mtimeSeconds: 1_000_000_001,
  mtimeNanoseconds: 5,
});

/** The repository, and how many tars were made of trees so far. */
function counting(repository: Repository): { readonly counted: Repository; readonly made: () => number } {
  let made = 0;
  const { layerTar } = repository.images;
  const images: Repository["images"] = {
    ...repository.images,
    layerTar: (...parts) => {
      made += 1;
      return layerTar(...parts);
    },
  };
  return { counted: { ...repository, images }, made: () => made };
}

async function threeCommits(repository: Repository): Promise<readonly [CommitId, CommitId, CommitId]> {
  const first = await commitDescribed(repository, [ROOT, file("a", "one")]);
  const second = await commitDescribed(repository, [ROOT, file("a", "one"), file("b", "two")], [first]);
  return [first, second, await commitDescribed(repository, [ROOT, file("b", "two".repeat(1000))], [second])];
}

const platform = { os: "linux", architecture: "amd64" };

async function exported(
  repository: Repository,
  tip: CommitId,
  options: Partial<ExportImageOptions> = {},
): Promise<ExportedImage> {
  return exportImage(repository, tip, { references: [], squash: false, platform, ...options });
}

async function digestsOf({ image }: ExportedImage): Promise<readonly string[]> {
  const digests: string[] = [];
  for (const { open } of image.layers) {
    const hash = createHash("sha256");
    for await (const piece of open()) hash.update(piece);
    digests.push(`sha256:${hash.digest("hex")}`);
  }
  return digests;
}

for (const compress of [false, true])
  test(`what went out before is not made again to be known${compress ? ", when it is compressed" : ""}`, async (t) => {
    const { counted, made } = counting(await emptyRepository(t));
    const [, second, third] = await threeCommits(counted);
    const first = await exported(counted, second, { compress });
    t.is(made(), 2);
    const again = await exported(counted, second, { compress });
    t.is(made(), 2);
    t.deepEqual(again.image.manifest.record, first.image.manifest.record);
    const more = await exported(counted, third, { compress, jobs: 3 });
    t.is(made(), 3);
    t.deepEqual(
      more.image.layers.slice(0, 2).map(({ record }) => record),
      first.image.layers.map(({ record }) => record),
    );
    t.deepEqual(
      await digestsOf(more),
      more.image.layers.map(({ record }) => record.digest),
    );
  });

test("a compressed layer that garbage collection took is compressed again when it is read", async (t) => {
  const repository = await emptyRepository(t);
  const [, second] = await threeCommits(repository);
  const first = await exported(repository, second, { compress: true });
  for (const { record } of first.image.layers) rmSync(path.join(repository.path, "blobs/sha256", hexOf(record.digest)));
  const again = await exported(repository, second, { compress: true });
  t.deepEqual(
    await digestsOf(again),
    first.image.layers.map(({ record }) => record.digest),
  );
});

test("what is remembered wrongly is found out when it is read, and forgotten", async (t) => {
  const repository = await emptyRepository(t);
  const [, second] = await threeCommits(repository);
  const right = await exported(repository, second);
  const table = path.join(repository.path, "views/sent");
  const wrong = readFileSync(table, "utf8").replaceAll(/sha256:[0-9a-f]{64}/g, `sha256:${"0".repeat(64)}`);
  appendFileSync(table, wrong);
  const other = await exported(repository, second);
  t.notDeepEqual(other.image.config.record, right.image.config.record);
  await t.throwsAsync(digestsOf(other), { code: "STORE_DAMAGED", message: /^Cannot make a layer: / });
  t.false(existsSync(table));
  t.deepEqual((await exported(repository, second)).image.manifest.record, right.image.manifest.record);
});

test("lines of another form tell nothing", async (t) => {
  const { counted, made } = counting(await emptyRepository(t));
  const [first] = await threeCommits(counted);
  await exported(counted, first);
  const table = path.join(counted.path, "views/sent");
  const [key = ""] = readFileSync(table, "utf8").split(" sha256:");
  for (const line of [
    `${key} sha256:12 5`,
    `${key} sha512:${"0".repeat(64)} 5`,
    `${key} sha256:${"0".repeat(64)} -5`,
    "\0\0\n",
    key,
  ])
    appendFileSync(table, `${line}\n`);
  t.deepEqual(
    await digestsOf(await exported(counted, first)),
    (await exported(counted, first)).image.layers.map(({ record }) => record.digest),
  );
  t.is(made(), 2);
});

test("what a tar can't hold is told each time", async (t) => {
  const repository = await emptyRepository(t);
  const tip = await commitDescribed(repository, [ROOT, { path: "s", type: "socket", mode: 0o600 }]);
  for (const compress of [false, true, true]) t.deepEqual((await exported(repository, tip, { compress })).skipped, ["/s"]);
});

test("a name that layers can't hold is refused each time", async (t) => {
  const repository = await emptyRepository(t);
  const tip = await commitDescribed(repository, [ROOT, file(".wh.a", "")]);
  for (const compress of [false, true, true])
    await t.throwsAsync(exported(repository, tip, { compress }), { code: "UNSUPPORTED" });
});

// views/sent is believed for as long as the tar of a tree has this form: when this fails, TAR_FORM in store/oci/sent-tars.ts is to be counted up.
test("the tar of a tree has the bytes that it always had", async (t) => {
  const repository = await emptyRepository(t);
  const tree: readonly DescribedEntry[] = [
    ROOT,
    file("a", "one"),
    { path: "b", type: "file", linkTo: "a" },
    file("long-".repeat(40), "two"),
    {
      path: "dir",
      type: "directory",
      mode: 0o1777,
      uid: 0,
      gid: 0,
      mtimeSeconds: -5,
      mtimeNanoseconds: 1,
      xattrs: { "user.a": "\0ÿ" },
    },
    { path: "dir/link", type: "symlink", target: "../a", uid: 0, gid: 0, mtimeSeconds: 5 },
    { path: "null", type: "character", major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0, mtimeSeconds: 5 },
  ];
  const base = await commitDescribed(repository, tree);
  const tip = await commitDescribed(repository, tree.slice(0, 2), [base]);
  t.deepEqual(
    (await exported(repository, tip)).image.layers.map(({ record: { digest } }) => digest),
    [
      "sha256:ae900133b27ba7338704087d4ead533b4779bc6fd878c3c1606212137befe7dc",
      "sha256:67d669117aad076e5c0133ba212c226a4753c0725da01ec0d3f25b8894860578",
    ],
  );
});
