import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { deflateSync } from "node:zlib";
import test from "ava";
import { decodeBundle, encodeBundle } from "../../../store/git/bundle-file.js";
import { decodeHistory } from "../../../store/git/history-objects.js";
import type { LooseObject } from "../../../store/git/loose-objects.js";
import { objectId } from "../../../store/git/pack-format.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

const LIMITS = { objects: 100, objectBytes: 1 << 20, allBytes: 1 << 21 };
const LAYER = `{
  "layer": "${"1".repeat(64)}",
  "tree": "${"2".repeat(64)}",
  "added": 1,
  "modified": 0,
  "deleted": 0,
  "storedBytes": 4096
}
`;
const WHO = "Ada <ada@example.org> 1700000000 +0100";

interface Made {
  readonly id: string;
  readonly objects: readonly LooseObject[];
}

function blob(text: string): LooseObject {
  return { kind: "blob", body: Buffer.from(text) };
}

function treeOf(files: Readonly<Record<string, LooseObject>>, mode = "100644"): LooseObject {
  const entries = Object.entries(files).map(([name, file]) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(objectId(file), "hex")]),
  );
  return { kind: "tree", body: Buffer.concat(entries) };
}

function commit(
  parents: readonly string[] = [],
  {
    message = "one",
    layer = LAYER,
    files = {},
    mode = "100644",
    more = "",
    who = WHO,
  }: {
    readonly message?: string;
    readonly layer?: string;
    readonly files?: Readonly<Record<string, string>>;
    readonly mode?: string;
    readonly more?: string;
    readonly who?: string;
  } = {},
): Made {
  const blobs = Object.fromEntries(
    Object.entries({ ...files, "layer.json": layer })
      .sort()
      .map(([name, text]) => [name, blob(text)]),
  );
  const tree = treeOf(blobs, mode);
  const head = `tree ${objectId(tree)}\n${parents.map((parent) => `parent ${parent}\n`).join("")}`;
  const object: LooseObject = {
    kind: "commit",
    body: Buffer.from(`${head}author ${who}\ncommitter ${who}\n${more}\n${message}\n`),
  };
  return { id: objectId(object), objects: [...Object.values(blobs), tree, object] };
}

const main = (id: string): { name: string; id: string }[] => [{ name: "refs/heads/main", id }];

test("git fetches what a bundle holds", (t) => {
  const first = commit();
  const second = commit([first.id], { message: "two ä" });
  const folder = temporaryDirectory(t);
  const git = (...words: string[]): string =>
    execFileSync("git", words, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const objects = new Map([...first.objects, ...second.objects].map((object) => [objectId(object), object]));
  writeFileSync(path.join(folder, "whole"), encodeBundle({ refs: main(second.id), prerequisites: [] }, [...objects.values()]));
  const rest = second.objects.slice(1);
  writeFileSync(
    path.join(folder, "rest"),
    encodeBundle({ refs: main(second.id), prerequisites: [{ id: first.id, subject: "one" }] }, rest),
  );
  mkdirSync(path.join(folder, "repository"));
  git("init", "-q", "--bare", "repository");
  const lacking = t.throws(() => git("-C", "repository", "bundle", "verify", "../rest")) as { stderr?: string } | undefined;
  t.regex(lacking?.stderr ?? "", /lacks these prerequisite commits/);
  git("-C", "repository", "fetch", "-q", "../whole", "main:main");
  t.is(git("-C", "repository", "log", "--format=%s", "main"), "two ä\none\n");
  t.is(git("-C", "repository", "fsck", "--strict"), "");
  t.notThrows(() => git("-C", "repository", "bundle", "verify", "-q", "../rest"));
});

test("decodeHistory() gives commits, parents first, and refs", (t) => {
  const first = commit();
  const second = commit([first.id], { message: "two" });
  const bundle = encodeBundle({ refs: main(second.id), prerequisites: [] }, [
    ...second.objects.slice(-1),
    ...second.objects.slice(0, -1),
    ...first.objects.slice(-1),
  ]);
  const { commits, refs, prerequisites } = decodeHistory(bundle);
  t.deepEqual(
    commits.map(({ message }) => message),
    ["one", "two"],
  );
  t.is(commits[1]?.layer, "1".repeat(64) as never);
  t.deepEqual(refs, [{ name: "refs/heads/main", commit: second.id }] as never);
  t.deepEqual(prerequisites, []);
});

test("decodeBundle() gives back what was encoded, of any length", (t) => {
  const objects = [0, 1, 15, 16, 127, 128, 2047, 2048, 300_000].map((length) => blob("x".repeat(length)));
  const bundle = encodeBundle({ refs: main("3".repeat(40)), prerequisites: [] }, objects);
  const decoded = decodeBundle(bundle, { ...LIMITS, allBytes: 1 << 22 });
  t.deepEqual([...decoded.objects.values()], objects);
});

test("decodeBundle() keeps no more memory for an object than it has bytes", (t) => {
  const bundle = encodeBundle({ refs: main("3".repeat(40)), prerequisites: [] }, [
    blob("x".repeat(5000)),
    blob("y".repeat(6000)),
  ]);
  const sizes = [...decodeBundle(bundle, LIMITS).objects.values()].map(({ body }) => body.buffer.byteLength);
  // One more, by which it is seen that there are no more.
  t.deepEqual(sizes, [5001, 6001]);
});

const good = commit();
const child = commit([good.id], { message: "two" });
const tagOf = (id: string, type = "commit", who = WHO): LooseObject => ({
  kind: "tag",
  body: Buffer.from(`object ${id}\ntype ${type}\ntag v1\ntagger ${who}\n\nhello\n`),
});
/** Which a pattern that tries each of its parts for a name would read for years. */
const LONG_WHO = " <> 1 +0000".repeat(40_000);
/** What JSON.stringify has no stack for, though it would come out as it went in. */
const DEEP = `{\n  "a": ${"[".repeat(2_000_000)}${"]".repeat(2_000_000)}\n}\n`;
const named = (name: string): Buffer => encodeBundle({ refs: [{ name, id: good.id }], prerequisites: [] }, good.objects);
const of = (made: Made): Buffer => encodeBundle({ refs: main(made.id), prerequisites: [] }, made.objects);

/** Patches a pack within a bundle, and its checksum. */
function patched(change: (pack: Buffer) => Buffer): Buffer {
  const bundle = of(good);
  const at = bundle.indexOf("\n\n") + 2;
  const pack = change(Buffer.from(bundle.subarray(at, -20)));
  return Buffer.concat([bundle.subarray(0, at), pack, createHash("sha1").update(pack).digest()]);
}

const HOSTILE: readonly (readonly [what: string, bundle: Buffer, message: RegExp])[] = [
  ["no bundle", Buffer.from("PACK"), /none of version 2/],
  ["a bundle of version 3", Buffer.concat([Buffer.from("# v3 git bundle\n"), of(good).subarray(16)]), /none of version 2/],
  [
    "a header that is no UTF-8",
    Buffer.concat([Buffer.from("# v2 git bundle\n\xff\n\n", "latin1"), of(good).subarray(of(good).indexOf("PACK"))]),
    /no UTF-8/,
  ],
  ["a line that is none", Buffer.from("# v2 git bundle\nhello\n\nPACK"), /neither a ref nor/],
  [
    "a prerequisite behind a ref",
    Buffer.from(`# v2 git bundle\n${good.id} refs/heads/a\n-${child.id} x\n\nPACK`),
    /neither a ref nor/,
  ],
  ["no refs", encodeBundle({ refs: [], prerequisites: [{ id: good.id, subject: "" }] }, []), /0 refs/],
  ["a ref twice", encodeBundle({ refs: [...main(good.id), ...main(good.id)], prerequisites: [] }, good.objects), /a ref twice/],
  ...[
    "refs/heads/../x",
    "refs/heads/x.lock",
    "refs/heads/-x",
    "refs/heads/@x",
    "refs/heads/HEAD",
    "refs/varve/saved/x",
    "refs/stash",
    "refs/remotes/a/b",
    "config",
    "refs/heads/a b",
    "refs/heads/\x1b[2J",
    "refs/images/UPPER@x",
    `refs/heads/${"a".repeat(300)}`,
    "refs/heads/",
  ].map((name) => [`the ref ${JSON.stringify(name.slice(0, 40))}`, named(name), /can't be one|neither a ref nor/] as const),
  ["a ref to nothing", encodeBundle({ refs: main("4".repeat(40)), prerequisites: [] }, good.objects), /what it does not hold/],
  [
    "a branch that names a tag",
    encodeBundle({ refs: main(objectId(tagOf(good.id))), prerequisites: [] }, [...good.objects, tagOf(good.id)]),
    /names no commit/,
  ],
  [
    "a tag of a tree",
    encodeBundle({ refs: [{ name: "refs/tags/v1", id: objectId(tagOf(good.id, "tree")) }], prerequisites: [] }, [
      ...good.objects,
      tagOf(good.id, "tree"),
    ]),
    /names no commit/,
  ],
  ["a ref to a blob", encodeBundle({ refs: main(objectId(good.objects[0]!)), prerequisites: [] }, good.objects), /has a blob/],
  [
    "a ref that is a folder of another",
    encodeBundle({ refs: [...main(good.id), { name: "refs/heads/main/b", id: good.id }], prerequisites: [] }, good.objects),
    /"refs\/heads\/main" that is a folder of another/,
  ],
  [
    "a tagger's line without end",
    encodeBundle({ refs: [{ name: "refs/tags/v1", id: objectId(tagOf(good.id, "commit", LONG_WHO)) }], prerequisites: [] }, [
      ...good.objects,
      tagOf(good.id, "commit", LONG_WHO),
    ]),
    /names no commit/,
  ],
  ["an author's line without end", of(commit([], { who: LONG_WHO })), /not of varve's form/],
  [
    "a commit of 150,000 parents",
    of(commit(Array.from({ length: 150_000 }, (_, at) => at.toString(16).padStart(40, "0")))),
    /a commit "\w+" of 7200\d\d\d bytes/,
  ],
  ["a commit of 20,000 parents", of(commit(Array.from({ length: 20_000 }, () => good.id))), /not of varve's form/],
  ["a message of megabytes", of(commit([], { message: `m${"\n".repeat(1 << 21)}m` })), /a commit "\w+" of 2097\d\d\d bytes/],
  ["a config.json that is nested without end", of(commit([], { files: { "config.json": DEEP } })), /not of varve's form/],
  [
    "objects that are too large together",
    encodeBundle({ refs: main(good.id), prerequisites: [] }, [
      ...good.objects,
      ...Array.from({ length: 17 }, (_, at) => ({ kind: "blob", body: Buffer.alloc(2 ** 23 - 1, at) })),
    ]),
    /too large/,
  ],
  ["a missing parent", of(child), /lacks the commit/],
  [
    "a missing tree",
    encodeBundle({ refs: main(good.id), prerequisites: [] }, [good.objects[0]!, good.objects.at(-1)!]),
    /lacks the tree/,
  ],
  ["a missing blob", encodeBundle({ refs: main(good.id), prerequisites: [] }, good.objects.slice(1)), /lacks the blob/],
  [
    "an object that nothing leads to",
    encodeBundle({ refs: main(good.id), prerequisites: [] }, [...good.objects, blob("more")]),
    /no ref leads to/,
  ],
  [
    "a commit without layer.json",
    of(
      (() => {
        const tree = treeOf({ "config.json": blob("{}\n") });
        const object: LooseObject = {
          kind: "commit",
          body: Buffer.from(`tree ${objectId(tree)}\nauthor ${WHO}\ncommitter ${WHO}\n\nm\n`),
        };
        return { id: objectId(object), objects: [blob("{}\n"), tree, object] };
      })(),
    ),
    /without a layer.json/,
  ],
  [
    "a layer.json with a key twice",
    of(commit([], { layer: LAYER.replace('"added": 1', '"added": 1,\n  "added": 1') })),
    /layer.json that is not/,
  ],
  ["a layer.json with another layer id", of(commit([], { layer: LAYER.replace("1".repeat(64), "../x") })), /not of varve's form/],
  [
    "a layer.json with more in it",
    of(commit([], { layer: LAYER.replace('"added"', '"x": 1,\n  "added"') })),
    /layer.json that is not/,
  ],
  [
    "an image.json with a digest that is none",
    of(commit([], { files: { "image.json": '{\n  "diffId": "sha256:0"\n}\n' } })),
    /not of varve's form/,
  ],
  ["another file in the tree", of(commit([], { files: { "evil.json": "{}\n" } })), /tree that is not/],
  ["a file that is a symlink", of(commit([], { mode: "120000" })), /tree that is not/],
  ["a commit with another header", of(commit([], { more: "gpgsig x\n" })), /not of varve's form/],
  [
    "a commit that is no UTF-8",
    of(
      (() => {
        const made = commit();
        const object: LooseObject = {
          kind: "commit",
          body: Buffer.from(made.objects.at(-1)!.body.toString("latin1").replace("one", "\xff"), "latin1"),
        };
        return { id: objectId(object), objects: [...made.objects.slice(0, -1), object] };
      })(),
    ),
    /no UTF-8/,
  ],
  [
    "an object twice",
    encodeBundle({ refs: main(good.id), prerequisites: [] }, [...good.objects, good.objects[0]!]),
    /object twice/,
  ],
  [
    "a pack with a wrong checksum",
    (() => {
      const bundle = of(good);
      bundle[bundle.length - 1]! ^= 1;
      return bundle;
    })(),
    /wrong checksum/,
  ],
  ["a pack of version 3", patched((pack) => (pack.writeUInt32BE(3, 4), pack)), /version 3/],
  ["a pack of 2^32 - 1 objects", patched((pack) => (pack.writeUInt32BE(0xffffffff, 8), pack)), /4294967295 objects/],
  [
    "a pack with an object less than it says",
    patched((pack) => (pack.writeUInt32BE(4, 8), pack)),
    /ends too early|deltas|inflated/,
  ],
  ["a pack with an object more than it says", patched((pack) => (pack.writeUInt32BE(2, 8), pack)), /behind its objects/],
  ["a pack with a delta", patched((pack) => ((pack[12] = (pack[12]! & 0x8f) | 0x60), pack)), /deltas/],
  ["a pack with an object of another length", patched((pack) => ((pack[12] = pack[12]! ^ 1), pack)), /another length|inflated/],
  [
    "a pack with a length that has no end",
    patched((pack) => Buffer.concat([pack.subarray(0, 12), Buffer.alloc(40, 0xff)])),
    /too large/,
  ],
  [
    "a pack with a bomb",
    (() => {
      const head = Buffer.from("PACK\0\0\0\x02\0\0\0\x01", "latin1");
      const length = Buffer.from([0xbf, 0x80, 0x80, 0x40]);
      const pack = Buffer.concat([head, length, deflateSync(Buffer.alloc(100 << 20))]);
      return Buffer.concat([
        Buffer.from(`# v2 git bundle\n${good.id} refs/heads/main\n\n`),
        pack,
        createHash("sha1").update(pack).digest(),
      ]);
    })(),
    /too large|inflated/,
  ],
];

for (const [what, bundle, message] of HOSTILE)
  test(`decodeHistory() refuses ${what}`, (t) => {
    const error = t.throws(() => decodeHistory(bundle), { instanceOf: SyntaxError });
    t.regex(error?.message ?? "", message);
  });

for (let at = 0; at < 20; at += 1)
  test(`decodeHistory() refuses a bundle that is cut off at ${at + 1} of 21`, (t) => {
    const bundle = of(good);
    t.throws(() => decodeHistory(bundle.subarray(0, Math.floor((bundle.length * (at + 1)) / 21))), { instanceOf: SyntaxError });
  });
