import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { blobDigest } from "../../../core/model/image.js";
import { exportTar } from "../../../store/tar/export-tar.js";
import { arbitraryTree } from "../../helpers/arbitrary-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { temporaryStore } from "../../helpers/temporary-store.js";
import { LayeredStore } from "../oci/layered-store.js";
import { archive, directory, entry, file, hardlink, symlink } from "../tar/raw-tar.js";
import { shell, WILD } from "../tar/wild-tree.js";
import { putTogetherAgain, recordedTar } from "./recorded-tar.js";

const OPTIONS = "--xattrs --xattrs-include='*' --acls";
const NAMES = "f d/hard l p c zero big sticky back?slash a* sparse tail";
const MADE_BY: readonly (readonly [what: string, command: string])[] = [
  ["GNU tar's format v7", "tar --format=v7 -cf ../in.tar f d/hard zero big back?slash a* sparse tail"],
  ["GNU tar's format ustar", "tar --format=ustar -cf ../in.tar f d/hard zero big back?slash a* sparse tail"],
  ["GNU tar's format oldgnu, sparse", `tar -S --format=oldgnu -cf ../in.tar ${NAMES} d/x* zlink`],
  ["GNU tar's format gnu, sparse", `tar -S --format=gnu -cf ../in.tar ${NAMES} d/x* zlink`],
  ["GNU tar's format pax", `tar ${OPTIONS} --format=pax -cf ../in.tar .`],
  ...["0.0", "0.1", "1.0"].map(
    (version) =>
      [
        `GNU tar's sparse files of version ${version}`,
        `tar -S --format=pax --sparse-version=${version} -cf ../in.tar sparse hole tail big`,
      ] as const,
  ),
  ["bsdtar", "LC_ALL=C.UTF-8 bsdtar --format=pax --acls --xattrs -cf ../in.tar . 2>/dev/null || true"],
  [
    "GNU tar, without end blocks",
    `tar -cf ../whole.tar f sparse big; head -c $(($(tar -Rtvf ../whole.tar | tail -1 | sed 's/block \\([0-9]*\\):.*/\\1/') * 512)) ../whole.tar > ../in.tar`,
  ],
  [
    "GNU tar, with a second archive behind it",
    `tar -cf ../in.tar f sparse; tar -cf ../more.tar big; cat ../more.tar >> ../in.tar; printf rest >> ../in.tar`,
  ],
];

async function isGivenBack(t: ExecutionContext, store: LayeredStore, bytes: Buffer, step?: number): Promise<void> {
  const kept = await store.keep(undefined, bytes, step);
  t.true(kept.isWhole);
  t.is(kept.diffId, blobDigest(createHash("sha256").update(bytes).digest("hex")));
  t.true((await store.tar(kept)).equals(bytes));
}

for (const [what, command] of MADE_BY) {
  testIf(
    "root",
    "tar",
    "bsdtar",
    "setfattr",
    "setfacl",
    "setcap",
  )(`a layer that was read from a tar of ${what} gives the same bytes`, async (t) => {
    const from = path.join(temporaryDirectory(t), "from");
    shell(`mkdir ${from}; cd ${from}; ${WILD}\n touch -d @1500000000 f; ${command}`, "/");
    const bytes = readFileSync(path.join(from, "../in.tar"));
    t.true(bytes.length > 10_000);
    const store = await LayeredStore.at(temporaryStore(t));
    for (const step of [511, 513, 65_536]) await isGivenBack(t, store, bytes, step);
  });
}

const SMALL = archive(
  directory("d"),
  file("d/a", "x".repeat(1300)),
  symlink("l", "d"),
  hardlink("h", "d/a"),
  file("l/b", "y"),
  file("empty"),
  file("four", "4".repeat(512)),
  entry({ name: "fifo", typeflag: "6" }),
);

test("a tar that comes byte by byte is given back", async (t) => {
  const store = await LayeredStore.at(temporaryStore(t));
  for (const step of [1, 2, 511, 512, 513, SMALL.length]) await isGivenBack(t, store, SMALL, step);
});

test("a tar is given back whatever its pieces were", async (t) => {
  const place = temporaryDirectory(t);
  let count = 0;
  const garbage = fc.uint8Array({ maxLength: 2000 });
  const property = fc.asyncProperty(
    arbitraryTree,
    fc.boolean(),
    garbage,
    fc.integer({ min: 1, max: 3000 }),
    async (entries, sparse, rest, step) => {
      const parts: Buffer[] = [];
      await exportTar(memoryTree(entries), (chunk) => void parts.push(Buffer.from(chunk)), { sparse });
      const bytes = Buffer.concat([...parts, rest]);
      const record = await recordedTar(path.join(place, String((count += 1))), bytes, step);
      t.true((await putTogetherAgain(record)).equals(bytes));
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

test("a layer one of whose files a later entry replaces has no record", async (t) => {
  const store = await LayeredStore.at(temporaryStore(t));
  const kept = await store.keep(undefined, archive(file("a", "one"), file("a", "two")));
  t.false(kept.isWhole);
  t.false(store.repository.blobs.hasTar(kept.diffId));
  // The same content stands there by another name.
  t.true((await store.keep(undefined, archive(file("a", "one"), file("a", "two"), file("b", "one")))).isWhole);
});

test("a tar is put together of contents that layers below hold, too", async (t) => {
  const store = await LayeredStore.at(temporaryStore(t));
  const text = "much".repeat(5000);
  const below = await store.keep(undefined, archive(file("a", text)));
  const bytes = archive(file("a", text, { mode: 0o600 }), file("b", `${text}!`), hardlink("c", "a"));
  const above = await store.keep(below.commit, bytes);
  t.true((await store.tar(above)).equals(bytes));
});
