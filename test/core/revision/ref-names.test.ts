import { spawnSync } from "node:child_process";
import test from "ava";
import { VarveError } from "../../../core/errors.js";
import type { RefName } from "../../../core/model/ids.js";
import {
  branchRef,
  imageRef,
  isImageReference,
  isRefName,
  isShortName,
  parseRefName,
  savedRef,
  shortName,
  tagRef,
} from "../../../core/revision/ref-names.js";

const good = [
  "main",
  "v1.2",
  "ci/base",
  "a/b/c",
  "feature-1",
  "x_y",
  "ünïcode",
  "日本",
  "a@b",
  "cafe",
  "a".repeat(250),
  "HEAD1",
  "heads",
];

/** Those that git itself allows, which are ours to refuse. */
const oursAlone = [
  "-x",
  "@x",
  "HEAD",
  "refs/heads/x",
  "0123456789abcdef0123456789abcdef01234567",
  "a".repeat(251),
  "a/".repeat(500) + "a",
];

const bad = [
  "",
  "../x",
  "x.lock",
  "a.lock/b",
  ".x",
  "a/.x",
  "x..y",
  "x~1",
  "x^",
  "a:b",
  "a?",
  "a*",
  "a[",
  "a\\b",
  "a b",
  "a\nb",
  "a\tb",
  "a\x7f",
  "a\0b",
  "a\x1b[31m",
  "@{1}",
  "a@{b",
  "/x",
  "x/",
  "a//b",
  "x.",
];

for (const name of good) {
  test(`branchRef() and tagRef() of ${JSON.stringify(name).slice(0, 40)} give full refs, which git allows`, (t) => {
    t.is<string, string>(branchRef(name), `refs/heads/${name}`);
    t.is<string, string>(tagRef(name), `refs/tags/${name}`);
    t.is(shortName(branchRef(name)), name);
    t.true(gitAllows(`refs/heads/${name}`));
  });
}

for (const name of [...bad, ...oursAlone]) {
  test(`branchRef() of ${JSON.stringify(name).slice(0, 40)} throws BAD_NAME with a hint`, (t) => {
    const error = t.throws(() => branchRef(name), { instanceOf: VarveError });
    t.is(error?.code, "BAD_NAME");
    t.truthy(error?.hint);
    t.throws(() => tagRef(name), { code: "BAD_NAME" });
    t.false(isShortName(name));
  });
}

for (const name of bad.filter((text) => !text.includes("\0"))) {
  test(`isRefName() refuses refs/heads/ with ${JSON.stringify(name)}, as git does`, (t) => {
    t.false(isRefName(`refs/heads/${name}`));
    t.false(gitAllows(`refs/heads/${name}`));
  });
}

test("isRefName() allows no name that git refuses, whatever two characters stand in it", (t) => {
  const signs = [...Array.from(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"), "a", "\x01", "\x7f", "lock"];
  const names = signs.flatMap((a) => signs.map((b) => `refs/heads/x${a}${b}`)).filter(isRefName);
  t.true(names.length > 300);
  // git reads names from its standard input and says nothing of the good ones.
  const script = names.map((name) => `git check-ref-format '${name.replaceAll("'", "'\\''")}' || echo bad`).join("\n");
  t.is(spawnSync("sh", { input: script, encoding: "utf8" }).stdout, "");
});

test("branchRef() of text that is no Unicode throws BAD_NAME", (t) => {
  for (const name of ["a\ud800", "a\ufffd"]) t.throws(() => branchRef(name), { code: "BAD_NAME" });
});

test("branchRef() of a megabyte throws BAD_NAME at once", (t) => {
  t.throws(() => branchRef("a/.".repeat(2 ** 20)), { code: "BAD_NAME" });
});

test("parseRefName() wants a full name", (t) => {
  t.is<string, string>(parseRefName("refs/varve/saved/1"), "refs/varve/saved/1");
  for (const name of ["main", "HEAD", "refs", "refs/heads/", "/refs/heads/x"])
    t.throws(() => parseRefName(name), { code: "BAD_NAME" });
});

test("savedRef() is a ref of its own kind, whose short name is the whole one", (t) => {
  t.is(shortName(savedRef("12-a")), "refs/varve/saved/12-a");
  t.is(shortName("refs/remotes/x/y" as RefName), "refs/remotes/x/y");
});

function gitAllows(ref: string): boolean {
  return spawnSync("git", ["check-ref-format", ref]).status === 0;
}

for (const [reference, ref] of [
  ["debian:12", "refs/images/debian@12"],
  ["team/base:1.0", "refs/images/team/base@1.0"],
  ["example.org:5000/team/base:A_b-1", "refs/images/example.org@5000/team/base@A_b-1"],
  [`debian@sha256:${"0a".repeat(32)}`, `refs/images/debian@sha256@${"0a".repeat(32)}`],
  [`example.org:5000/a@sha512:${"0a".repeat(64)}`, `refs/images/example.org@5000/a@sha512@${"0a".repeat(64)}`],
] as const) {
  test(`the image reference ${reference} is a ref that git allows, and reads back`, (t) => {
    t.true(isImageReference(reference));
    t.is<string, string>(imageRef(reference), ref);
    t.is(shortName(imageRef(reference)), reference);
    t.true(gitAllows(ref));
  });
}

test("what docker takes for no name and tag is no image reference", (t) => {
  const none = [
    "debian",
    "a:b:c",
    ":12",
    "debian:",
    "Debian:12",
    "a:b/c",
    "a:-1",
    "a b:1",
    "../a:1",
    "a:1\n",
    "a/:1",
    "a:1.lock",
    `a:1@sha256:${"0".repeat(64)}`,
    `a@sha256:${"0".repeat(63)}`,
    `a@sha256:${"A".repeat(64)}`,
    `a@sha1:${"0".repeat(64)}`,
    `@sha256:${"0".repeat(64)}`,
  ];
  t.deepEqual([...none, `a:${"1".repeat(200)}`, `${"a".repeat(5000)}:1`].filter(isImageReference), []);
});
