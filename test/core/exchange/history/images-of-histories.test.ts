// What a history says of images, when nobody else would look at it first: configs and manifests from elsewhere, dates past any calendar, images that begin
// without a layer.
import { createHash } from "node:crypto";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import type { VarveError } from "../../../../core/errors.js";
import { exportImage } from "../../../../core/exchange/export-image.js";
import { blobDigest, type BlobRecord } from "../../../../core/model/image.js";
import type { CommitId } from "../../../../core/model/ids.js";
import type { Repository } from "../../../../core/ports/repository.js";
import type { DescribedEntry } from "../../../contracts/described-tree.js";
import { temporaryDirectory } from "../../../helpers/temporary-directory.js";
import { storeLayout } from "../../../../store/store-layout.js";
import { Layout } from "../../../store/oci/layout-on-disk.js";
import { CONFIG, image, load } from "../../../store/oci/refused-image.js";
import { bundleTo, commitDescribed, emptyRepository, fsck, setBranch, takeBundle } from "../../../helpers/travelling-history.js";

const ROOT: DescribedEntry = { path: "", type: "directory" };
const PLATFORM = { os: "linux", architecture: "amd64" };

test("an image whose history begins before its first layer is loaded, and travels", async (t) => {
  const from = await emptyRepository(t);
  const layout = new Layout(temporaryDirectory(t));
  image(layout, { config: { ...CONFIG, history: [{ created_by: "ENV A=b", empty_layer: true }, { created_by: "COPY" }] } });
  const [loaded] = await load(storeLayout(from.path), { kind: "directory", path: path.resolve(layout.path) });
  await setBranch(from, "main", loaded!.commit.id);
  const to = await emptyRepository(t);
  t.is((await takeBundle(to, await bundleTo(t, from))).commits, 2);
  t.deepEqual(await fsck(to), []);
});

/** A commit of an empty tree that says of itself that it is an image. */
async function claiming(from: Repository, kind: "config" | "manifest", bytes: Buffer): Promise<CommitId> {
  const digest = blobDigest(createHash("sha256").update(bytes).digest("hex"));
  const record: BlobRecord = { mediaType: "application/json", digest, size: bytes.length };
  from.blobs.put(bytes);
  const draft = await from.history.readCommit(await commitDescribed(from, [ROOT]));
  const id = await from.history.writeCommit({ ...draft, config: {}, image: { [kind]: record } });
  await setBranch(from, "main", id);
  return id;
}

async function refuses(t: ExecutionContext, kind: "config" | "manifest", text: string, message: RegExp): Promise<void> {
  const from = await emptyRepository(t);
  await claiming(from, kind, Buffer.from(text));
  const bundle = await bundleTo(t, from);
  const to = await emptyRepository(t);
  const error = (await t.throwsAsync(takeBundle(to, bundle))) as VarveError | undefined;
  t.is(error?.code, "SOURCE_INVALID", error?.stack);
  t.regex(error?.message ?? "", message);
  t.deepEqual(await to.history.listRefs("refs/"), []);
}

const DEEP = `{"layers":${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}}`;

for (const text of ["no JSON", "null", "[]", '{"a":1,"a":2}', DEEP])
  test(`a history is refused whose image has the config ${text.slice(0, 30)}`, async (t) => {
    await refuses(t, "config", text, /has another config than the image that it names/);
  });

for (const text of ["no JSON", "null", "[]", "{}", '{"layers":5}', '{"layers":[null]}', DEEP])
  test(`a history is refused whose image has the manifest ${text.slice(0, 30)}`, async (t) => {
    await refuses(t, "manifest", text, /names a manifest that is none/);
  });

test("a commit of a time past any calendar goes out as an image of the last second that a date can tell", async (t) => {
  const repository = await emptyRepository(t);
  const draft = await repository.history.readCommit(await commitDescribed(repository, [ROOT]));
  const late = { name: "A", email: "a", seconds: 999_999_999_999_999, offsetMinutes: 0 };
  const id = await repository.history.writeCommit({ ...draft, author: late });
  for (const squash of [true, false]) {
    const made = await exportImage(repository, id, { references: [], squash, platform: PLATFORM });
    const pieces: Uint8Array[] = [];
    for await (const piece of made.image.config.open()) pieces.push(piece);
    const config = JSON.parse(Buffer.concat(pieces).toString()) as { created: string; history: { created: string }[] };
    t.is(config.created, "9999-12-31T23:59:59Z");
  }
});
