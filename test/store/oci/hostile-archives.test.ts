import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { type ErrorCode } from "../../../core/errors.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { temporaryStore } from "../../helpers/temporary-store.js";
import { archive, file, hardlink, symlink } from "../tar/raw-tar.js";
import { Layout } from "./layout-on-disk.js";

import { archiveSource, BASE, CONFIG, image, isRefused, load } from "./refused-image.js";
const CONFIG_TEXT = JSON.stringify(CONFIG);
/** An archive as docker saves it. */
function dockerArchive(manifest: unknown, ...more: readonly Buffer[]): Buffer {
  const parts = [
    file("config.json", CONFIG_TEXT),
    file("l/layer.tar", BASE.toString("latin1")),
    file("manifest.json", JSON.stringify(manifest)),
  ];
  return archive(...parts, ...more);
}

const GOOD = { Config: "config.json", RepoTags: ["a:1"], Layers: ["l/layer.tar"] };
const archives: readonly (readonly [
  id: string,
  why: string,
  bytes: () => Buffer,
  rejects: RegExp | undefined,
  code?: ErrorCode,
])[] = [
  ["0", "nothing wrong", () => dockerArchive([GOOD]), undefined],
  ...["../../x.tar", "/etc/passwd", "l/../l/layer.tar", "", "l//layer.tar", 5, null].map(
    (name) =>
      [
        "115",
        `the layer ${JSON.stringify(name)}`,
        () => dockerArchive([{ ...GOOD, Layers: [name] }]),
        /has no Layers that name/,
      ] as const,
  ),
  ["115", "no Config", () => dockerArchive([{ ...GOOD, Config: undefined }]), /has no Config/],
  ["115", "a Config that is missing", () => dockerArchive([{ ...GOOD, Config: "x.json" }]), /x\.json is missing/],
  ["115", "a layer that is missing", () => dockerArchive([{ ...GOOD, Layers: ["x.tar"] }]), /"x\.tar", is missing/],
  [
    "115",
    "a layer that is a symlink out of it",
    () => dockerArchive([{ ...GOOD, Layers: ["s"] }], symlink("s", "../../etc/passwd")),
    /symbolic link/,
  ],
  [
    "115",
    "a layer that is an absolute symlink",
    () => dockerArchive([{ ...GOOD, Layers: ["s"] }], symlink("s", "/etc/passwd")),
    /symbolic link/,
  ],
  [
    "115",
    "a layer that is a symlink to itself",
    () => dockerArchive([{ ...GOOD, Layers: ["s"] }], symlink("s", "s")),
    /symbolic link/,
  ],
  ["115", "a layer that is a hardlink", () => dockerArchive([GOOD], hardlink("h", "l/layer.tar")), /hardlink/],
  ["115", "a member twice", () => dockerArchive([GOOD], file("config.json", "{}")), /config\.json.*twice/],
  ["115", "a member twice, once with ./", () => dockerArchive([GOOD], file("./config.json", "{}")), /twice/],
  ["115", "a member with ..", () => dockerArchive([GOOD], file("../x", "{}")), /\.\./],
  ["115", "no image", () => dockerArchive([]), /holds none/, "SOURCE_MISSING"],
  ["115", "no list of images", () => dockerArchive({}), /no list/],
  [
    "115",
    "another DiffID",
    () => dockerArchive([{ ...GOOD, Layers: ["m"] }], file("m", archive(file("x")).toString("latin1"))),
    /layer 1 .* has the digest/,
  ],
  ...["", "a:b:c", "../x", "a\u001b:1", `${"a".repeat(300)}:1`, "A:1", "-x:1"].map(
    (name) =>
      [
        "116",
        `the name ${JSON.stringify(name)}`,
        () => dockerArchive([{ ...GOOD, RepoTags: [name] }]),
        /image/,
        "BAD_NAME",
      ] as const,
  ),
  ["116", "names that are no list", () => dockerArchive([{ ...GOOD, RepoTags: "a:1" }]), /RepoTags/],
  ["119", "text", () => Buffer.from("this is no tar".repeat(100)), /checksum/],
  ["119", "no bytes", () => Buffer.alloc(0), /empty/],
  ["119", "a root filesystem", () => BASE, /neither an oci-layout nor a manifest\.json/],
  ["119", "half of it", () => dockerArchive([GOOD]).subarray(0, 2000), /ends too early/],
];

for (const [id, why, bytes, rejects, code = "SOURCE_INVALID"] of archives) {
  test(`load ${rejects === undefined ? "takes" : "refuses"} an archive with ${why} (${id})`, async (t) => {
    const store = temporaryStore(t);
    if (rejects !== undefined) return isRefused(t, store, archiveSource(bytes()), rejects, code);
    t.deepEqual((await load(store, archiveSource(bytes())))[0]?.references, ["a:1"]);
  });
}

test("load refuses an OCI archive with a blob twice (119)", async (t) => {
  const layout = new Layout(path.join(temporaryDirectory(t), "hostile"));
  image(layout);
  const names = readdirSync(layout.path, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  const parts = names.map((each) => {
    const place = path.join(each.parentPath, each.name);
    return file(path.relative(layout.path, place), readFileSync(place).toString("latin1"));
  });
  t.is((await load(temporaryStore(t), archiveSource(archive(...parts)))).length, 1);
  const blob = names.find((each) => /^[0-9a-f]{64}$/.test(each.name))!;
  await isRefused(
    t,
    temporaryStore(t),
    archiveSource(archive(...parts, file(`blobs/sha256/${blob.name}`, "other"))),
    /twice/,
    "SOURCE_INVALID",
  );
});
