import { execFileSync, spawnSync } from "node:child_process";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { pagerCommand } from "../../cli/pager.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { environmentWithVarve } from "./built-command.js";

/** A tracked directory with a change of 50,000 lines. @returns Runs a line of the shell there, on a terminal of its own. */
function subject(
  t: ExecutionContext,
): (line: string, environment?: NodeJS.ProcessEnv) => { readonly output: string; readonly status: number | null } {
  const home = temporaryDirectory(t);
  const env = environmentWithVarve(home);
  const site = path.join(home, "site");
  execFileSync("sh", ["-c", "mkdir site && cd site && echo a > f && varve init && varve commit -m one && seq 1 50000 > f"], {
    cwd: home,
    env,
    stdio: "ignore",
  });
  return (line, environment = {}) => {
    const options = {
      cwd: site,
      env: { ...env, TERM: "xterm", NO_COLOR: "", ...environment },
      encoding: "utf8",
      timeout: 60_000,
    } as const;
    const { stdout, status } = spawnSync("script", ["-qec", line, "/dev/null"], { ...options, input: "" });
    return { output: stdout.replaceAll("\r", ""), status };
  };
}

const MARK = "sed s/^/PAGED:/";

testIf("script")(
  "diff on a terminal goes through $VARVE_PAGER, else $PAGER, with colours and the exit status of its own",
  (t) => {
    const run = subject(t);
    for (const environment of [{ VARVE_PAGER: MARK, PAGER: "false" }, { PAGER: MARK }]) {
      const { output, status } = run("varve diff --exit-code", environment);
      t.is(output, "PAGED:\u001b[33mM\u001b[0m  /f  \u001b[2mcontent mtime\u001b[0m\n");
      t.is(status, 1);
    }
  },
);

testIf("script")("--color is stronger than NO_COLOR and TERM=dumb, and than a terminal", (t) => {
  const run = subject(t);
  const painted = "\u001b[33mM\u001b[0m  /f  \u001b[2mcontent mtime\u001b[0m\n";
  const plain = "M  /f  content mtime\n";
  for (const environment of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
    t.is(run("varve --no-pager diff", environment).output, plain);
    t.is(run("varve --no-pager diff --color", environment).output, painted);
    t.is(run("varve --no-pager diff --color=auto", environment).output, plain);
  }
  t.is(run("varve --no-pager diff --color=auto").output, painted);
  t.is(run("varve --no-pager diff --color=never").output, plain);
  t.is(run("varve diff --color=auto | cat").output, plain);
  t.is(run("varve diff --color | cat").output, painted);
});

testIf("script")("who leaves the pager ends the command, and its exit status stays", (t) => {
  const run = subject(t);
  const left = run("varve diff -p --exit-code", { PAGER: "head -n 1" });
  t.deepEqual(left, { output: "\u001b[1mdiff --git a/f b/f\u001b[0m\n", status: 1 });
  t.is(run("varve diff -p", { PAGER: "head -n 1" }).status, 0);
  t.is(run("varve log", { PAGER: "true" }).status, 0);
});

testIf("script")("no pager has JSON, what another command prints, a failure, or what --no-pager asks for", (t) => {
  const run = subject(t);
  for (const line of [
    "varve diff --json",
    "varve --no-pager diff",
    "varve diff --no-pager",
    "varve status",
    "varve diff nowhere",
  ]) {
    t.false(run(line, { PAGER: MARK }).output.includes("PAGED:"), line);
  }
  t.is(run("varve diff nowhere", { PAGER: MARK }).status, 20);
  t.false(run("varve diff | cat", { PAGER: MARK }).output.includes("PAGED:"));
});

testIf("script")("warnings and talk are told after the pager", (t) => {
  const line = "varve commit -qm two; touch -d 2001-02-03 f; echo x > g; varve diff --semantic";
  const { output } = subject(t)(line, { PAGER: MARK });
  t.is(output, "PAGED:\u001b[32mA\u001b[0m  /g\n1 path with another mtime alone: ignored\n");
});

test("pagerCommand() is $VARVE_PAGER, $PAGER or less, none for an empty one, cat, one that is not there, or no less", (t) => {
  const { PATH } = process.env;
  t.is(pagerCommand({ PATH, VARVE_PAGER: "sed -n p", PAGER: "cat -n" }), "sed -n p");
  t.is(pagerCommand({ PATH, PAGER: "cat -n" }), "cat -n");
  t.is(pagerCommand({ PATH, PAGER: "{ cat; }" }), "{ cat; }");
  t.is(pagerCommand({ PAGER: "/bin/sh -c cat" }), "/bin/sh -c cat");
  for (const missing of ["no-such-pager -R", "/no/such/pager", "./no-such-pager"])
    t.is(pagerCommand({ PATH, PAGER: missing }), undefined);
  for (const none of ["", " ", "cat"]) t.is(pagerCommand({ VARVE_PAGER: none, PAGER: "c" }), undefined);
  t.is(pagerCommand({ PATH: "/nonexistent:" }), undefined);
  t.is(pagerCommand({ PATH: process.env["PATH"], TERM: "dumb" }), undefined);
});
