import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import test, { type ExecutionContext } from "ava";

const PASSES = `test("passes", (t) => t.pass());`;
const FAILS = `test("fails", (t) => t.fail());`;
const SKIPS = `test.skip("skips [skipped: needs the moon]", (t) => t.pass());`;

/** Runs real ava on one test file and its report through the script. */
function summaryOf(
  t: ExecutionContext,
  body: string,
  checks = "0",
): { readonly last: string; readonly text: string; readonly status: number | null } {
  const folder = mkdtempSync(path.join(tmpdir(), "varve-test-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(path.join(folder, "package.json"), `{ "type": "module" }`);
  writeFileSync(path.join(folder, "one.test.js"), `import test from "ava";\n${body}\n`);
  symlinkSync(path.resolve("node_modules"), path.join(folder, "node_modules"));
  // ava refuses to start within ava when it sees its parent's variables.
  const env = { PATH: process.env["PATH"], HOME: folder };
  const report = spawnSync(process.execPath, ["node_modules/ava/entrypoints/cli.mjs", "--tap"], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  return summaryOfReport(report.stdout, checks);
}

function summaryOfReport(
  report: string,
  checks = "0",
  reports = "1",
): { readonly last: string; readonly text: string; readonly status: number | null } {
  const { stdout, status } = spawnSync(process.execPath, ["scripts/summarize-tap.mjs", checks, reports], {
    input: report,
    encoding: "utf8",
  });
  return { last: stdout.trimEnd().split("\n").at(-1) ?? "", text: stdout, status };
}

// ava tells of a file that can't be loaded twice: the exception, and that it found no tests.
const cases = [
  { why: "counts what passed", body: PASSES, last: "1 passed, 0 failed, 0 skipped", status: 0 },
  { why: "counts what failed and exits with 1", body: PASSES + FAILS, last: "1 passed, 1 failed, 0 skipped", status: 1 },
  { why: "counts what was skipped", body: PASSES + SKIPS, last: "1 passed, 0 failed, 1 skipped", status: 0 },
  {
    why: "takes a test file that can't be loaded for a failure",
    body: `import "./absent.js";`,
    last: "0 passed, 2 failed, 0 skipped",
    status: 1,
  },
  {
    why: "takes a test file that ends the process for a failure",
    body: `${PASSES} process.exit(0);`,
    last: "0 passed, 1 failed, 0 skipped",
    status: 1,
  },
  { why: "takes a test file without tests for a failure", body: "", last: "0 passed, 1 failed, 0 skipped", status: 1 },
] as const;

for (const { why, body, last, status } of cases) {
  test(`summarize-tap.mjs ${why}`, (t) => {
    const summary = summaryOf(t, body);
    t.deepEqual({ last: summary.last, status: summary.status }, { last, status });
  });
}

test("summarize-tap.mjs prints the reasons of skipped tests", (t) => {
  t.regex(summaryOf(t, PASSES + SKIPS).text, /Skipped:\n {2}skips \[skipped: needs the moon\]\n/);
});

test("summarize-tap.mjs adds checks that failed before the tests", (t) => {
  const { last, status } = summaryOf(t, PASSES, "2");
  t.deepEqual({ last, status }, { last: "1 passed, 2 failed, 0 skipped", status: 1 });
});

test("summarize-tap.mjs takes an empty report for a failure", (t) => {
  const { last, status } = summaryOfReport("");
  t.deepEqual({ last, status }, { last: "0 passed, 1 failed, 0 skipped", status: 1 });
});

test("summarize-tap.mjs takes a report that breaks off for a failure", (t) => {
  const { last, status } = summaryOfReport("TAP version 13\nok 1 - passes\n");
  t.deepEqual({ last, status }, { last: "1 passed, 1 failed, 0 skipped", status: 1 });
});

test("summarize-tap.mjs adds up several reports, and misses one that does not come or breaks off", (t) => {
  const [whole, broken] = ["TAP version 13\nok 1 - passes\n\n1..1\n", "TAP version 13\nok 1 - passes\n"];
  const lasts = [whole + whole, whole, whole + broken, broken + whole].map((text) => summaryOfReport(text, "0", "2").last);
  const missing = "1 passed, 1 failed, 0 skipped";
  const brokenOff = "2 passed, 1 failed, 0 skipped";
  t.deepEqual(lasts, ["2 passed, 0 failed, 0 skipped", missing, brokenOff, brokenOff]);
});
