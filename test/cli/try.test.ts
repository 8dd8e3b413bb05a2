import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { runningStore, type RunningStore } from "../helpers/running-store.js";
import { BUILT_COMMAND, environmentWithVarve, varve } from "./built-command.js";
import { interrupted } from "./interrupted-command.js";

const test = testIf("oci-runtime", "erofs", "overlay");

interface Tried {
  readonly exitCode: number;
  readonly changes: readonly { readonly path: string; readonly status: string }[];
  readonly decision: string;
  readonly commit: { readonly commit: string; readonly branch: string; readonly parents: readonly string[] } | null;
  readonly applied: { readonly changes: number; readonly saved: string | null } | null;
}

const WRITES = ["sh", "-c", "echo new > /etc/new; mkdir /srv/a; echo 1 > /srv/a/f; rm /bin/wc; chmod 700 /srv/www"];
const CHANGED = ["A /etc/new", "A /srv/a", "A /srv/a/f", "M /srv/www", "D /usr/bin/wc"];

function tried(store: RunningStore, ...words: string[]): Tried {
  return store.json("try", ...words) as Tried;
}

function names(changes: Tried["changes"]): string[] {
  return changes.map(({ status, path: place }) => `${status} ${place}`);
}

function nothingLeft(t: ExecutionContext, { run, store }: RunningStore): void {
  t.notRegex(run("ps", "-a").stdout, /try-/);
  const left = readdirSync(path.join(store, "containers"), "utf8").filter((name) => /^(new-|[0-9a-f]{12}$)/.test(name));
  t.is(left.length, (JSON.parse(run("ps", "-a", "--json").stdout) as unknown[]).length);
}

test("try shows what a command changed over a commit, and discards it unless told", (t) => {
  const store = runningStore(t);
  const log = readFileSync(path.join(store.store, "operations/log"), "utf8");
  const asked = store.run("try", "base", "--", ...WRITES);
  t.is(asked.status, 0);
  t.regex(asked.stdout, /^A {2}\/etc\/new\nA {2}\/srv\/a\/\n/);
  t.regex(asked.stderr, /there is no terminal to ask on/);
  const discarded = tried(store, "--no", "base", "--", ...WRITES);
  t.deepEqual(names(discarded.changes), CHANGED);
  t.like(discarded, { decision: "discard", commit: null, applied: null });
  t.is(store.run("branch", "--json").stdout.match(/"name"/g)?.length, 1);
  t.is(readFileSync(path.join(store.store, "operations/log"), "utf8"), log, "nothing was done, and nothing is told");
  nothingLeft(t, store);
});

test("try keeps changes as a commit on a branch, all or those that are picked", (t) => {
  const store = runningStore(t);
  const whole = tried(store, "--yes", "-b", "next", "-m", "kept", "base", "--", ...WRITES);
  t.like(whole, { decision: "keep", exitCode: 0, applied: null });
  t.deepEqual(whole.commit?.parents, [store.commit("base")]);
  t.like(store.json("show", "next"), { message: "kept", origin: { command: WRITES, exitCode: 0 } });
  tried(store, "--keep", "-b", "some", "--pick", "srv/**", "--pick", "usr/bin/wc", "base", "--", ...WRITES);
  t.deepEqual(names(store.json("diff", "base", "some") as Tried["changes"]), CHANGED.slice(1));
  t.is(tried(store, "--keep", "-b", "none", "--pick", "nowhere", "base", "--", ...WRITES).commit, null);
  t.is(store.run("show", "none").status, 20);
  const onBranch = tried(store, "--yes", "next", "--", "sh", "-c", "echo > /again");
  t.like(onBranch.commit, { branch: "next", parents: [whole.commit!.commit] });
  t.is(store.run("undo").status, 0);
  t.is(store.commit("next"), whole.commit!.commit);
  nothingLeft(t, store);
});

test("try ends as its command does, and keeps nothing of one that failed unless told", (t) => {
  const store = runningStore(t);
  const fails = ["sh", "-c", "echo > /x; exit 7"];
  const failed = store.run("try", "--yes", "-b", "next", "base", "--", ...fails);
  t.is(failed.status, 7);
  t.regex(failed.stderr, /Discarded, since the command failed \(exit 7\)/);
  t.is(store.run("show", "next").status, 20);
  const kept = store.run("try", "--yes", "--keep-failed", "-b", "next", "base", "--", ...fails);
  t.is(kept.status, 7);
  t.like(store.json("show", "next"), { origin: { exitCode: 7 } });
  t.is(store.run("try", "base", "--", "nothing-here").status, 127);
  t.is(store.run("try", "base", "--", "/etc/passwd").status, 126);
  nothingLeft(t, store);
});

test("try applies changes to a container, whose other changes stay, and undo takes that back whole", (t) => {
  const store = runningStore(t);
  const { run, json } = store;
  t.is(run("run", "--name", "web", "base", "--", "sh", "-c", "echo mine > /srv/mine; rm /bin/uname").status, 0);
  const before = json("diff", "web");
  const tree = run("ls", "-r", "--json", "@web:/").stdout;
  const seen = run("try", "--no", "@web", "--", "sh", "-c", "cat /srv/mine; uname");
  t.is(seen.stdout.split("\n")[0], "mine");
  t.is(seen.status, 127);
  const applied = tried(store, "--yes", "@web", "--", "sh", "-c", "echo more >> /srv/mine; echo > /srv/new; chmod 700 /srv");
  t.deepEqual(names(applied.changes), ["M /srv", "M /srv/mine", "A /srv/new"]);
  t.is(applied.applied?.changes, 3);
  t.is(run("cat", "@web:srv/mine").stdout, "mine\nmore\n");
  t.is(run("undo").status, 0);
  t.deepEqual(json("diff", "web"), before);
  t.is(run("ls", "-r", "--json", "@web:/").stdout, tree);
  const picked = tried(store, "--apply", "--pick", "srv/new", "@web", "--", "sh", "-c", "echo > /srv/new; echo > /srv/other");
  t.is(picked.applied?.changes, 1);
  t.is(run("cat", "@web:srv/other").status, 22);
  const kept = tried(store, "--keep", "-b", "from-web", "@web", "--", "sh", "-c", "echo > /srv/tried");
  t.deepEqual(kept.commit?.parents, [store.commit("base")]);
  t.is(run("cat", "from-web:srv/mine").stdout, "mine\n", "what is not committed there goes with it");
  nothingLeft(t, store);
});

test("try refuses to apply to a commit, to a running container, to a branch in use, and words that contradict", (t) => {
  const store = runningStore(t);
  const { run } = store;
  const refused = (pattern: RegExp, ...words: string[]): void => {
    const { status, stderr, stdout } = run("try", ...words, "--", "sh", "-c", "echo ran");
    t.is(status, 125, words.join(" "));
    t.regex(stderr, pattern);
    t.is(stdout, "", "the command did not run");
  };
  refused(/never changes/, "--apply", "base");
  refused(/on which branch/, "--keep", "base~0");
  refused(/--keep and --no together/, "--keep", "--no", "base");
  refused(/no container|none by that name/, "--no", "@nowhere");
  t.is(run("run", "--name", "web", "base", "--", "true").status, 0);
  refused(/container "web" stands on it/, "--keep", "-b", "web", "base");
  t.is(run("run", "--rm", "-b", "other", "--commit", "base", "--", "sh", "-c", "echo > /x").status, 0);
  refused(/stands at/, "--keep", "-b", "other", "base");
  t.is(run("try", "base").status, 125);
  t.is(run("try", "--no", "base", "sh").status, 125);
});

test("try over a tracked directory sees what is not committed, and applies to it", (t) => {
  const { home } = runningStore(t);
  const tracked = path.join(home, "tracked");
  execFileSync("cp", ["-a", path.join(home, "root"), tracked]);
  const run = (...words: string[]) => varve(words, { cwd: tracked, home });
  run("init");
  t.is(run("commit", "-m", "first").status, 0);
  writeFileSync(path.join(tracked, "srv/mine"), "mine\n");
  const seen = run("try", "--no", "@", "--", "sh", "-c", "cat /srv/mine; echo > /srv/x");
  t.regex(seen.stdout, /^mine\nA {2}\/srv\/x\n/);
  t.false(existsSync(path.join(tracked, "srv/x")));
  const { mtimeMs } = statSync(path.join(tracked, "etc"));
  const applied = run("try", "--yes", "@", "--", "sh", "-c", "echo more >> /srv/mine; rm /bin/wc");
  t.is(applied.status, 0, applied.stderr);
  t.is(readFileSync(path.join(tracked, "srv/mine"), "utf8"), "mine\nmore\n");
  t.false(existsSync(path.join(tracked, "usr/bin/wc")));
  t.is(statSync(path.join(tracked, "etc")).mtimeMs, mtimeMs, "what the command left alone is left alone");
  t.is(run("undo").status, 0);
  t.is(readFileSync(path.join(tracked, "srv/mine"), "utf8"), "mine\n");
  t.true(existsSync(path.join(tracked, "usr/bin/wc")));
  t.deepEqual(names(JSON.parse(run("diff", "--json").stdout) as Tried["changes"]), ["A /srv/mine"]);
});

test("Ctrl-C ends a try, and nothing of it is left", async (t) => {
  const store = runningStore(t);
  const words = [
    "--store",
    store.store,
    "try",
    "--yes",
    "-b",
    "next",
    "base",
    "--",
    "sh",
    "-c",
    "trap 'exit 0' INT; echo > /x; echo waiting; sleep 60 & wait",
  ];
  const { status, stdout } = await interrupted({
    home: store.home,
    words,
    signal: "SIGINT",
    when: (soFar) => soFar.stdout.includes("waiting"),
  });
  t.is(status, 130, stdout);
  t.is(store.run("show", "next").status, 20, "an interrupted command is not kept, though it ended well");
  nothingLeft(t, store);
});

testIf(
  "oci-runtime",
  "erofs",
  "overlay",
  "script",
)("try asks on a terminal: keep on a branch, pick paths, discard", (t) => {
  const store = runningStore(t);
  const answered = (answers: string): string => {
    const line = `${process.execPath} ${BUILT_COMMAND} --store ${store.store} try base~0 -- sh -c 'echo > /one; echo > /two'`;
    const env = environmentWithVarve(store.home);
    return spawnSync("script", ["-qec", line, "/dev/null"], {
      input: answers,
      encoding: "utf8",
      timeout: 60_000,
      env,
      cwd: store.home,
    }).stdout;
  };
  t.regex(answered("d\n"), /\[k\]eep as a commit, \[p\]ick paths, \[d\]iscard/);
  t.is(store.run("branch", "--json").stdout.match(/"name"/g)?.length, 1);
  answered("p\none\nk\nnext\n");
  t.deepEqual(names(store.json("diff", "base", "next") as Tried["changes"]), ["A /one"]);
  nothingLeft(t, store);
});

test("try without a revision runs over this machine's own root, and changes nothing of it", (t) => {
  const store = runningStore(t);
  const { home, run } = store;
  const mark = path.join(home, "mark");
  writeFileSync(mark, "as it was\n");
  const script = `cat ${mark}; echo changed > ${mark}; mkdir -p /opt/varve-try/x; echo 1 > /opt/varve-try/x/y; rm /etc/passwd; pwd; echo $MARKED`;
  const options = { cwd: home, home, environment: { MARKED: "seen" } };
  const looked = varve(["--store", store.store, "try", "--no", "--", "sh", "-c", script], options);
  t.is(looked.status, 0, looked.stderr);
  t.deepEqual(looked.stdout.split("\n").slice(0, 3), ["as it was", home, "seen"]);
  t.regex(looked.stdout, /^D {2}\/etc\/passwd$/m);
  t.is(readFileSync(mark, "utf8"), "as it was\n");
  t.true(existsSync("/etc/passwd"));
  t.false(existsSync("/opt/varve-try"));
  t.is(run("try", "--yes", "-b", "machine", "--pick", "opt", "--", "sh", "-c", script).status, 0);
  const held = store.json("ls", "-r", "machine") as { path: string }[];
  t.deepEqual(
    held.map((entry) => entry.path),
    ["/opt", "/opt/varve-try", "/opt/varve-try/x", "/opt/varve-try/x/y"],
  );
  t.is(run("try", "--yes", "-b", "machine", "--", "true").status, 125, "a branch that exists");
  t.is(run("try", "--yes", "-b", "whole", "--pick", "etc/passwd", "--pick", "opt", "--", "sh", "-c", script).status, 0);
  const kept = names(store.json("diff", "whole^", "whole") as Tried["changes"]);
  t.deepEqual(
    kept,
    ["D /etc/passwd", "A /opt/varve-try", "A /opt/varve-try/x", "A /opt/varve-try/x/y"],
    "deletions are not lost",
  );
  t.is(run("cat", "whole^:etc/passwd").stdout, readFileSync("/etc/passwd", "utf8"));
  t.is(run("undo").status, 0);
  t.is(run("show", "whole").status, 20);
  t.is(run("try", "--yes", "--", "true").status, 125);
  t.is(run("try", "--", "sh", "-c", "exit 9").status, 9);
  mkdirSync(path.join(home, "empty"));
  nothingLeft(t, store);
});
