// varve import SOURCE REFERENCE, as docker import has it.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { userStore, type UserStore } from "../helpers/user-store.js";
import { varve } from "./built-command.js";

const archive = ({ home }: UserStore): Buffer =>
  execFileSync("tar", ["-C", path.join(home, "root"), "-c", "."], { maxBuffer: 1 << 28 });

const commitsOf = ({ ok }: UserStore, revision: string): readonly string[] =>
  (JSON.parse(ok("--json", "log", revision)) as { id: string }[]).map(({ id }) => id);

test("the reference names what is imported, with a history of its own; undo takes it back", (t) => {
  const made = userStore(t, undefined);
  const { home, store, ok, run } = made;
  t.regex(run("import", "root", "team/app:1").stderr, /^\[team\/app:1 [0-9a-f]+\] \(first commit\) import root\n/);
  const [first] = commitsOf(made, "team/app:1");
  writeFileSync(path.join(home, "root/new"), "new");
  const { status, stderr } = varve(["--store", store, "import", "-", "team/app:1", "-m", "from a pipe"], {
    cwd: home,
    home,
    input: archive(made),
  });
  t.is(status, 0, stderr);
  t.is(commitsOf(made, "team/app:1").length, 1);
  t.is(ok("cat", "team/app:1:/new"), "new");
  ok("undo");
  t.deepEqual(commitsOf(made, "team/app:1"), [first]);
  t.is(run("log", "main").status, 20);
  // As in docker, no tag is latest.
  ok("import", "root", "other");
  t.is(ok("diff", "other:latest", "other"), "");
});

test("with a branch, too, it names the branch's next commit", (t) => {
  const made = userStore(t, undefined);
  const before = commitsOf(made, "base");
  writeFileSync(path.join(made.home, "root/new"), "new");
  made.ok("import", "root", "app:2", "-b", "base");
  t.deepEqual(commitsOf(made, "app:2"), commitsOf(made, "base"));
  t.deepEqual(commitsOf(made, "app:2").slice(1), before);
});

test("a reference that can't be one is refused before anything is read", (t) => {
  const { ok, run } = userStore(t, undefined);
  for (const reference of ["UPPER/case", "a:b:c", "", `app@sha256:${"0".repeat(64)}`, "-x"])
    t.is(run("import", "root", ...(reference === "-x" ? ["--"] : []), reference).status, 2, reference);
  t.is((JSON.parse(ok("--json", "images")) as unknown[]).length, 0);
});
