import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { ENTRY, EXPORTED, misfits, type Shape, ON_NO_NETWORK } from "../helpers/json-shape.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { environmentWithVarve, varve } from "./built-command.js";

const COMMIT_ID = /^[0-9a-f]{40}$/;
const DIGEST = /^[0-9a-f]{64}$/;
const OPERATION = { id: /^[0-9a-f]{12}$/, time: /^\d{4}-.*Z$/, command: "string" };
const CHANGES: Shape = [{ path: /^\//, status: /^[AMDTR]$/, reasons: [/^(content|type|mode|owner|xattr|mtime|link)$/] }];
const COMMITTED: Shape = {
  commit: COMMIT_ID,
  tree: DIGEST,
  layer: DIGEST,
  branch: "string",
  parents: [COMMIT_ID],
  added: "number",
  modified: "number",
  deleted: "number",
  storedBytes: "number",
  ignored: "number",
  sockets: "number",
  mounts: [{ path: /^\// }],
};
const LOGGED = {
  commit: COMMIT_ID,
  parents: [COMMIT_ID],
  tree: DIGEST,
  layer: DIGEST,
  author: { name: "string", email: "string" },
  time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/,
  message: "string",
  refs: ["string"],
  added: "number",
  modified: "number",
  deleted: "number",
  storedBytes: "number",
  origin: null,
} as const satisfies Shape;

const SIGNED = { author: LOGGED.author, time: LOGGED.time } as const;
const BLAMED = { path: /^\//, commit: COMMIT_ID, ...SIGNED, subject: "string" } as const;
const FOUND: Shape = {
  path: /^\//,
  first: COMMIT_ID,
  last: COMMIT_ID,
  versions: [
    {
      commit: COMMIT_ID,
      time: LOGGED.time,
      change: /^[AMD]$/,
      type: { any: [/^(file|directory|symlink)$/, null] },
      size: { any: ["number", null] },
      sha256: { any: [DIGEST, null] },
    },
  ],
};
const MOVED: Shape = {
  index: "number",
  commit: COMMIT_ID,
  before: { any: [COMMIT_ID, null] },
  who: LOGGED.author,
  time: LOGGED.time,
  reason: "string",
};

const REPLAYED = {
  result: /^done$/,
  branch: /^main$/,
  before: COMMIT_ID,
  commit: COMMIT_ID,
  replayed: [{ from: COMMIT_ID, to: COMMIT_ID }],
  dropped: [COMMIT_ID],
  skipped: null,
  stoppedAt: null,
  left: "number",
  conflicts: ["object"],
  notes: ["object"],
  configConflicts: [{ commit: COMMIT_ID, part: "string" }],
  saved: null,
} as const satisfies Shape;

interface Site {
  readonly cwd: string;
  readonly home: string;
  readonly json: (...words: readonly string[]) => unknown;
}

function makeSite(t: ExecutionContext): Site {
  const home = temporaryDirectory(t);
  const cwd = path.join(home, "site");
  mkdirSync(cwd);
  const json = (...words: readonly string[]): unknown => {
    const { stdout, stderr } = varve(["--json", ...words], { cwd, home });
    t.is(stderr, "");
    return JSON.parse(stdout);
  };
  return { cwd, home, json };
}

function fits(t: ExecutionContext, value: unknown, shape: Shape): void {
  t.deepEqual(misfits(value, shape), []);
}

test("the check of shapes finds keys that are missing, strange or of another type", (t) => {
  t.is(misfits({ a: 1 }, { a: "number" }).length, 0);
  t.is(misfits({ a: "1" }, { a: "number" }).length, 1);
  t.is(misfits({}, { a: "number" }).length, 1);
  t.is(misfits({ a: 1, b: 2 }, { a: "number" }).length, 1);
  t.is(misfits([{ a: 1 }, {}], [{ a: "number" }]).length, 1);
});

test("--json of each command for tracked directories has the shape of docs/json.md", (t) => {
  const { cwd, json } = makeSite(t);
  fits(t, json("init"), { store: /\.varve$/, directory: /site$/, branch: /^main$/ });
  writeFileSync(path.join(cwd, "file"), "one");
  symlinkSync("file", path.join(cwd, "link"));
  fits(t, json("status"), { branch: /^main$/, commit: null, inProgress: null, changes: CHANGES });
  fits(t, json("commit", "-m", "first"), COMMITTED);
  t.deepEqual(json("commit", "-m", "again"), { commit: null });
  writeFileSync(path.join(cwd, "file"), "two");
  mkdirSync(path.join(cwd, "sub"));
  fits(t, json("diff"), CHANGES);
  writeFileSync(path.join(cwd, "sub/own"), "two");
  const own = { path: /^\/sub\/own$/, commit: null, author: null, time: null, subject: null } as const;
  fits(t, json("blame", "-L1,1", "sub/own"), [{ ...own, line: "number", originalLine: "number", text: /^two$/ }]);
  fits(t, json("blame", "sub"), [{ ...own, type: /^file$/ }]);
  fits(t, json("commit", "-m", "second"), COMMITTED);
  fits(t, json("log"), [LOGGED]);
  fits(t, json("show"), { ...LOGGED, config: null, changes: CHANGES });
  fits(t, json("log", "--all", "--reverse", "--no-merges"), [LOGGED]);
  fits(t, json("blame", "file"), [{ ...BLAMED, line: "number", originalLine: "number", text: /^two$/ }]);
  fits(t, json("blame", "-r", "/"), [{ ...BLAMED, type: /^(file|directory|symlink)$/ }]);
  fits(t, json("show", "HEAD", "HEAD~1"), [{ ...LOGGED, config: null, changes: CHANGES }]);
  fits(t, json("find", "file", "link"), [FOUND]);
  fits(t, json("reflog", "main"), [MOVED]);
  fits(t, json("show", "HEAD:file"), { path: /^\/file$/, size: "number", sha256: DIGEST, contentBase64: /^dHdv$/ });
  fits(t, json("ls", "-r", "HEAD"), [ENTRY]);
  fits(t, json("cat", "HEAD:file"), { path: /^\/file$/, size: "number", sha256: DIGEST, contentBase64: /^dHdv$/ });
  const moved = { saved: null, changes: "number", dryRun: "boolean" } as const;
  const back = { branch: /^main$/, before: COMMIT_ID, after: COMMIT_ID, ...moved } as const;
  fits(t, json("rollback", "-n", "HEAD~1"), { ...back, paths: CHANGES });
  fits(t, json("rollback", "HEAD~1"), { ...back, paths: null });
  fits(t, json("undo"), { undone: OPERATION, operation: OPERATION, saved: [COMMIT_ID] });
  const changes = [{ path: /^\/file$/, status: /^M$/, reasons: ["string"] }] as const;
  const restored = { branch: /^main$/, source: COMMIT_ID, saved: null, changes } as const;
  fits(t, json("restore", "--source", "HEAD~1", "--", "file"), restored);
  fits(t, json("undo"), { undone: OPERATION, operation: OPERATION, saved: [COMMIT_ID] });
  fits(t, json("branch", "try"), { branch: /^try$/, commit: COMMIT_ID, before: null });
  const branchRow = { name: "string", commit: COMMIT_ID, current: "boolean", container: null } as const;
  fits(t, json("branch"), [{ ...branchRow, upstream: null }]);
  fits(t, json("branch", "-u", "main", "try"), { branch: /^try$/, upstream: /^main$/ });
  fits(t, json("branch", "--contains", "HEAD"), [{ ...branchRow, upstream: { any: ["string", null] } }]);
  fits(t, json("branch", "-m", "try", "new"), { branch: /^new$/, from: /^try$/, commit: COMMIT_ID });
  fits(t, json("undo"), { undone: OPERATION, operation: OPERATION, saved: [COMMIT_ID] });
  fits(t, json("redo"), { undone: OPERATION, operation: OPERATION, saved: [COMMIT_ID] });
  fits(t, json("switch", "new"), { from: /^main$/, branch: /^new$/, commit: COMMIT_ID, ...moved, paths: null });
  fits(t, json("switch", "-"), { from: /^new$/, branch: /^main$/, commit: COMMIT_ID, ...moved, paths: null });
  fits(t, json("branch", "-m", "new", "try"), { branch: /^try$/, from: /^new$/, commit: COMMIT_ID });
  writeFileSync(path.join(cwd, "aside"), "aside");
  const stash = { name: /^stash@\{0\}$/, commit: COMMIT_ID, base: COMMIT_ID, time: "string", message: "string" } as const;
  fits(t, json("stash"), stash);
  fits(t, json("stash", "list"), [stash]);
  fits(t, json("stash", "show"), { ...stash, changes: CHANGES });
  fits(t, json("stash", "pop"), { ...stash, changes: "number", dropped: "boolean" });
  fits(t, json("stash"), stash);
  fits(t, json("stash", "drop"), [stash]);
  const side = { any: ["string", null] } as const;
  const operation = {
    ...OPERATION,
    user: "string",
    live: "boolean",
    kind: side,
    undoes: side,
    refs: [{ name: /^refs\//, before: side, after: side }],
    head: { any: [{ before: "string", after: "string" }, null] },
    branches: [{ container: "string", before: "string", after: "string" }],
    ...({ names: [{ container: "string", before: "string", after: "string" }], limits: ["object"] } as const),
    upstreams: [{ branch: "string", before: side, after: side }],
    progress: [{ slot: "string", before: side, after: side }],
  } as const;
  fits(t, json("op", "log"), [{ ...operation, trees: [{ kind: /^directory$/, container: null, before: side, after: side }] }]);
  const shown = [{ kind: /^directory$/, container: null, before: side, after: side, changes: CHANGES }] as const;
  fits(t, json("op", "show", "@{2}"), { ...operation, trees: shown });
  fits(t, json("op", "restore", "@{1}"), { to: OPERATION, operation: OPERATION, saved: [COMMIT_ID] });
  fits(t, json("branch", "-d", "try"), { branch: /^try$/, commit: null, before: COMMIT_ID });
  fits(t, json("tag", "v1"), { tag: /^v1$/, commit: COMMIT_ID, before: null });
  fits(t, json("tag", "-m", "about it", "v2"), { tag: /^v2$/, commit: COMMIT_ID, before: null });
  const annotation = { tag: COMMIT_ID, tagger: "string", time: "string", message: /^about it$/ } as const;
  fits(t, json("tag"), [{ name: "string", commit: COMMIT_ID, annotation: { any: [annotation, null] } }]);
  fits(t, json("checkout", "HEAD", "../copy"), { commit: COMMIT_ID, directory: /copy$/, dryRun: "boolean", paths: null });
  fits(t, json("export", "HEAD", "-o", "../out.tar"), EXPORTED);
  fits(t, json("import", "../out.tar", "-b", "other"), COMMITTED);
  t.deepEqual(json("ps"), []);
  const squashed = { branch: /^main$/, before: COMMIT_ID, after: COMMIT_ID, squashed: COMMIT_ID, commits: "number" } as const;
  fits(t, json("squash", "-n", "1", "-m", "said otherwise"), {
    ...squashed,
    replayed: "number",
    left: [{ ref: /^refs\//, commit: COMMIT_ID }],
  });
  t.deepEqual(json("squash", "-n", "1"), { squashed: null });
  fits(t, json("forget-path", "lin*", "--all", "-n"), {
    dryRun: "boolean",
    matched: [{ pattern: /^lin\*$/, paths: [{ path: /^\/link$/ }] }],
    ...{ holding: "number", rewritten: "number" },
    replaced: { layers: "number", bytes: "number" },
    contents: [{ digest: DIGEST, size: "number", keptAt: null }],
    refs: [{ ref: /^refs\//, before: COMMIT_ID, after: null }],
    containers: ["string"],
    live: [{ path: /^\// }],
  });
  fits(t, json("revert", "HEAD"), REPLAYED);
  fits(t, json("rebase", "HEAD"), { ...REPLAYED, upToDate: "boolean", merges: [COMMIT_ID], madeOn: null });
  fits(t, json("cat", "HEAD:nothing"), {
    error: { code: /^PATH_MISSING$/, message: /^Cannot /, path: "string", hint: { any: ["string", null] } },
  });
});

test("--json of merge and resolve has the shape of docs/json.md", (t) => {
  const { cwd, json } = makeSite(t);
  json("init");
  const write = (text: string): void => writeFileSync(path.join(cwd, "file"), text);
  write("one\n");
  json("commit", "-m", "base");
  write("theirs\n");
  json("commit", "-m", "theirs");
  json("branch", "topic");
  json("rollback", "HEAD~1");
  write("ours\n");
  json("commit", "-m", "ours");
  const conflict = {
    path: /^\/file$/,
    kind: /^content$/,
    details: ["string"],
    marked: "boolean",
    files: [{ path: /^\// }],
    renamed: null,
    resolved: "boolean",
  } as const satisfies Shape;
  const merged = {
    result: /^conflicts$/,
    branch: /^main$/,
    before: COMMIT_ID,
    theirs: COMMIT_ID,
    commit: COMMIT_ID,
    conflicts: [conflict],
    notes: [{ path: /^\//, text: "string" }],
    configConflicts: ["string"],
    changes: CHANGES,
  } as const satisfies Shape;
  fits(t, json("merge", "topic"), merged);
  const inProgress = { kind: /^merge$/, conflicts: [conflict] } as const;
  fits(t, json("status"), { branch: /^main$/, commit: COMMIT_ID, inProgress, changes: CHANGES });
  fits(t, json("merge", "--abort"), { branch: /^main$/, commit: COMMIT_ID, saved: COMMIT_ID, changes: "number" });
  json("merge", "topic");
  const saved = { any: [COMMIT_ID, null] } as const;
  fits(t, json("resolve", "--theirs", "--", "file"), { resolved: [conflict], left: "number", saved });
  fits(t, json("merge", "--continue"), COMMITTED);
  fits(t, json("merge", "topic"), { ...merged, result: /^up-to-date$/ });
});

const CONTAINER = { id: /^[0-9a-f]{12}$/, name: /^web$/ };

testIf(
  "oci-runtime",
  "erofs",
  "overlay",
)("--json of each command for containers has the shape of docs/json.md", (t) => {
  const { home, json } = makeSite(t);
  execFileSync("make-small-root", ["root"], { cwd: home, env: environmentWithVarve(home) });
  const store = ["--store", path.join(home, "store")];
  t.is(varve([...store, "import", "root", "-b", "base", "-q"], { cwd: home, home }).stderr, "");
  const ran = { ...CONTAINER, exitCode: "number", durationMilliseconds: "number" };
  fits(t, json(...store, "run", "--name", "web", "base", "--", "touch", "/new"), {
    ...ran,
    removed: "boolean",
    commit: null,
    cached: "boolean",
  });
  fits(t, json(...store, "status", "web"), { branch: /^web$/, commit: COMMIT_ID, inProgress: null, changes: CHANGES });
  fits(t, json(...store, "commit", "web", "-m", "new"), COMMITTED);
  fits(t, json(...store, "start", "web"), ran);
  const listed = { ...CONTAINER, state: /^stopped$/, commit: COMMIT_ID, branch: /^web$/, pid: null, oomKilled: "boolean" };
  const row = { ...listed, ...ON_NO_NETWORK, exitCode: "number", command: ["string"], created: /Z$/, labels: {} } as const;
  for (const all of ["-a", "-aq"]) fits(t, json(...store, "ps", all), [row]);
  for (const verb of ["stop", "rm"]) fits(t, json(...store, verb, "web"), [CONTAINER]);
  const committed = json(...store, "run", "--rm", "-b", "base", "--commit", "base", "--", "touch", "/new");
  fits(t, committed, {
    id: "string",
    name: "string",
    exitCode: "number",
    durationMilliseconds: "number",
    removed: "boolean",
    commit: COMMITTED,
    cached: "boolean",
  });
  const origin = { command: [/^(touch|\/new)$/], exitCode: "number", durationMilliseconds: "number" } as const;
  fits(t, json(...store, "log", "-n", "1", "base"), [{ ...LOGGED, origin }]);
  fits(t, json(...store, "doctor"), {
    works: "boolean",
    version: /^\d+\.\d+\.\d+$/,
    node: /^v/,
    store: { path: "string", layers: "number", layerBytes: "number", branches: "number", containers: "number" },
    checks: [{ name: "string", works: "boolean", detail: "string", hint: { any: ["string", null] } }],
  });
});

testIf(
  "oci-runtime",
  "erofs",
  "overlay",
)("--json of bisect, try, run --cache and check has the shape of docs/json.md", (t) => {
  const { home, json } = makeSite(t);
  execFileSync("make-small-root", ["root"], { cwd: home, env: environmentWithVarve(home) });
  const store = ["--store", path.join(home, "store")];
  const call = (...words: string[]) => varve([...store, ...words], { cwd: home, home });
  t.is(call("import", "root", "-b", "base", "-q").status, 0);
  const own = (...words: string[]): unknown => JSON.parse(call("--json", ...words).stdout);
  const origin = { command: ["string"], exitCode: "number", durationMilliseconds: "number" } as const;
  const reused = { exitCode: "number", durationMilliseconds: "number", removed: "boolean", commit: COMMITTED, cached: "boolean" };
  const step = ["run", "--cache", "-b", "ci", "base", "--", "touch", "/new"];
  fits(t, own(...step), { id: "string", name: "string", ...reused });
  call("branch", "-D", "ci");
  fits(t, own(...step), { id: null, name: null, ...reused });
  const trial = { exitCode: "number", durationMilliseconds: "number", changes: CHANGES, decision: "string" } as const;
  const touch = ["base", "--", "touch", "/tried"];
  fits(t, own("try", "-y", "-b", "next", ...touch), { ...trial, commit: COMMITTED, applied: null });
  call("run", "-q", "--name", "web", "base", "--", "true");
  fits(t, own("try", "-y", "@web", "--", "touch", "/tried"), {
    ...trial,
    commit: null,
    applied: { changes: "number", saved: { any: [COMMIT_ID, null] }, skipped: [{ path: /^\//, reason: "string" }] },
  });
  const rule = { rule: "string", holds: "boolean", found: "number", limit: "number" } as const;
  const paths = [{ path: /^\//, mode: /^[0-7]{4}$/, bytes: { any: ["number", null] } }] as const;
  fits(t, own("check", "base", "--forbid-world-writable", "--max-added", "1", "--max-waste", "5%"), {
    holds: "boolean",
    looked: "number",
    rules: [{ ...rule, paths }],
  });
  const bisection = {
    state: "string",
    bad: { any: [COMMIT_ID, null] },
    good: [COMMIT_ID],
    skipped: [COMMIT_ID],
    candidate: { any: [COMMIT_ID, null] },
    left: { any: ["number", null] },
    steps: { any: ["number", null] },
    first: { any: [{ ...LOGGED, origin: { any: [origin, null] }, changes: CHANGES }, null] },
    ...({ mergeBase: "boolean", undecided: [COMMIT_ID] } as const),
    tried: [{ commit: COMMIT_ID, verdict: /^(good|bad|skip)$/, exitCode: "number", durationMilliseconds: "number" }],
  } as const;
  call("run", "-q", "--rm", "-b", "ci", "--commit", "ci", "--", "touch", "/newer");
  fits(t, own("bisect", "start"), bisection);
  fits(t, own("bisect", "bad", "ci"), bisection);
  fits(t, own("bisect", "good", "base"), bisection);
  fits(t, own("bisect", "run", "--", "sh", "-c", "[ ! -e /new ]"), bisection);
  fits(t, own("bisect", "log"), [{ verdict: "string", commit: COMMIT_ID, message: "string" }]);
  fits(t, own("bisect", "reset"), { state: /^none$/ });
  fits(t, json(...store, "bisect"), {
    error: { code: /^NOTHING_IN_PROGRESS$/, message: /^Cannot /, path: null, hint: "string" },
  });
});

test("a name that is no UTF-8 comes with its bytes in path, from and target", (t) => {
  const { cwd, json } = makeSite(t);
  json("init");
  const name = Buffer.concat([Buffer.from(`${cwd}/`), Buffer.from("caf\xe9", "latin1")]);
  symlinkSync(Buffer.from("n\xff", "latin1"), name);
  const [change] = json("diff") as readonly Record<string, unknown>[];
  t.is(change?.["path"], "/caf\ufffd");
  t.is(Buffer.from(String(change?.["pathBase64"]), "base64").toString("latin1"), "/caf\xe9");
  const [entry] = json("ls", "@") as readonly Record<string, unknown>[];
  t.is(Buffer.from(String(entry?.["targetBase64"]), "base64").toString("latin1"), "n\xff");
  t.false("pathBase64" in ((json("ls", "@:/") as readonly object[])[1] ?? {}));
});

test("ls --json tells of an mtime before 1970 and of all bits of a mode", (t) => {
  const { cwd, json } = makeSite(t);
  json("init");
  const file = path.join(cwd, "old");
  writeFileSync(file, "x");
  chmodSync(file, 0o6755);
  execFileSync("touch", ["-d", "1969-12-31T23:59:58.25Z", file]);
  const [entry] = json("ls", "@") as readonly Record<string, unknown>[];
  t.like(entry, { mode: "6755", mtime: "1969-12-31T23:59:58.250000000Z", size: 1, nlink: 1 });
});

testIf("setfattr")("ls --json gives xattrs in base64", (t) => {
  const { cwd, json } = makeSite(t);
  json("init");
  const file = path.join(cwd, "file");
  writeFileSync(file, "x");
  execFileSync("setfattr", ["-n", "user.note", "-v", "0x00ff10", file]);
  const [entry] = json("ls", "@") as readonly { readonly xattrs: object }[];
  t.deepEqual(entry?.xattrs, { "user.note": "AP8Q" });
});
