// What save and push make, by OCI's own schemas and OCI's own tool.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { RegistryClient } from "../../store/registry/registry-client.js";
import { putLayeredImage } from "../helpers/layered-image.js";
import { startRegistry } from "../helpers/local-registry.js";
import { faultsOf, type OciDocument } from "../helpers/oci-schemas.js";
import { bytesOf } from "../helpers/pushed-image.js";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";

const test = testIf("oci-schemas", "oci-image-tool", "docker-registry").serial;

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

function isRight(t: ExecutionContext, kind: OciDocument, document: unknown): void {
  t.deepEqual(faultsOf(kind, document), [], JSON.stringify(document));
}

/** Each document of a layout; its manifests are OCI's. @returns How many manifests. */
function layoutIsRight(t: ExecutionContext, layout: string): number {
  const read = (...parts: string[]): unknown => JSON.parse(readFileSync(path.join(layout, ...parts), "utf8"));
  const blob = ({ digest }: Descriptor): unknown => read("blobs/sha256", digest.slice("sha256:".length));
  isRight(t, "image-layout", read("oci-layout"));
  const index = read("index.json") as { manifests: Descriptor[] };
  isRight(t, "image-index", index);
  for (const descriptor of index.manifests) {
    t.is(descriptor.mediaType, "application/vnd.oci.image.manifest.v1+json");
    const manifest = blob(descriptor) as { config: Descriptor };
    isRight(t, "image-manifest", manifest);
    isRight(t, "config", blob(manifest.config));
  }
  return index.manifests.length;
}

function toolAgrees(t: ExecutionContext, home: string, layout: string, name: string): void {
  const words = ["validate", "--type", "image", "--ref", `name=${name}`, layout];
  const { status, stdout, stderr } = spawnSync("oci-image-tool", words, { cwd: home, encoding: "utf8" });
  t.is(status, 0, stdout + stderr);
}

/** A branch with commits of all kinds: changed files, none, an author of odd letters, a config of all that run takes. */
function richStore(t: ExecutionContext): UserStore {
  const store = userStore(t, undefined);
  const { home, ok } = store;
  const changes = [
    "LABEL a=b",
    "ENV X=1",
    "EXPOSE 80/tcp",
    "VOLUME /data",
    "USER alice",
    "WORKDIR /srv",
    'CMD ["sh", "-c", "id"]',
  ];
  const all = [...changes, 'ENTRYPOINT ["env"]', "STOPSIGNAL SIGQUIT"].flatMap((change) => ["--change", change]);
  ok("import", "root.tar", "-b", "base", "-m", "the same again\n\nwith \u0007 odd “letters”", ...all);
  writeFileSync(path.join(home, "root/new"), "new");
  ok("import", "root", "-b", "base", "-m", "third");
  return store;
}

for (const words of [[], ["--squash"]])
  test(`documents of save ${words.join(" ")} are right by OCI's schemas, as a layout and as an archive`, (t) => {
    const { home, ok } = richStore(t);
    ok("save", "base", ...words, "--format", "oci-dir", "-o", "layout");
    t.is(layoutIsRight(t, path.join(home, "layout")), 1);
    toolAgrees(t, home, "layout", "latest");
    for (const format of ["oci-archive", "docker-archive"]) {
      ok("save", "base", ...words, "--format", format, "-o", `${format}.tar`);
      const unpacked = path.join(home, format);
      t.is(spawnSync("sh", ["-c", `mkdir ${unpacked} && tar -xf ${format}.tar -C ${unpacked}`], { cwd: home }).status, 0);
      t.is(layoutIsRight(t, unpacked), 1);
    }
  });

test("documents of several images in one layout, and of what was built on a pulled image, are right by OCI's schemas", async (t) => {
  const [{ home, ok }, { host }] = [richStore(t), await startRegistry(t)];
  await putLayeredImage(t, host, { repository: "app", tag: "1", sizes: [1000, 2000] });
  ok("pull", `${host}/app:1`, "--name", "app:1", "-b", "work");
  writeFileSync(path.join(home, "root/own"), "own");
  ok("import", "root", "-b", "work", "-m", "own");
  ok("save", "base", "app:1", "work", "--format", "oci-dir", "-o", "layout");
  t.is(layoutIsRight(t, path.join(home, "layout")), 3);
});

test("manifest and config that push sends are right by OCI's schemas", async (t) => {
  const [{ home, ok }, { host }] = [richStore(t), await startRegistry(t)];
  ok("push", "base", `${host}/base:1`);
  const client = new RegistryClient(host, "base", { environment: {} });
  t.teardown(() => client.close());
  const { document, bytes } = await client.manifest("1");
  isRight(t, "image-manifest", document);
  const config = await bytesOf(client.blob((document as unknown as { config: Descriptor }).config));
  isRight(t, "config", JSON.parse(config.toString("utf8")));
  writeFileSync(path.join(home, "manifest.json"), bytes);
  writeFileSync(path.join(home, "config.json"), config);
  for (const kind of ["manifest", "config"]) {
    const { status, stderr } = spawnSync("oci-image-tool", ["validate", "--type", kind, `${kind}.json`], { cwd: home });
    t.is(status, 0, String(stderr));
  }
});

const WRONG: readonly [kind: OciDocument, document: unknown, fault: RegExp][] = [
  ["image-layout", { imageLayoutVersion: "2.0.0" }, /imageLayoutVersion/],
  ["image-index", { schemaVersion: 2, manifests: [{ mediaType: "text", digest: "x", size: -1 }] }, /digest/],
  ["image-manifest", { schemaVersion: 2, config: {}, layers: [] }, /config: must have required property 'mediaType'/],
  ["config", { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] }, created: "today" }, /created/],
  ["config", { architecture: "amd64", os: "linux" }, /rootfs/],
];

for (const [kind, document, fault] of WRONG)
  test(`the schema of ${kind} finds what is wrong with ${JSON.stringify(document)}`, (t) => {
    t.regex(faultsOf(kind, document).join("\n"), fault);
  });
