// Reads TAP reports of ava from stdin, one after another, passes them on, and ends with the reasons of skipped tests, what failed and one line:
//
//   12 passed, 0 failed, 1 skipped
//
// node scripts/summarize-tap.mjs [FAILED-CHECKS [REPORTS]]
//   FAILED-CHECKS  how many checks before the tests failed, added to the failed
//   REPORTS        how many reports come (1)
// Exit status 0 when nothing failed; a report that breaks off, since ava crashed or never began, counts as one failure.
import { createInterface } from "node:readline";

const failures = [];
const skips = [];
let passed = 0;
let planned = 0;
let reports = 0;

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${line}\n`);
  const plan = /^1\.\.(\d+)/.exec(line);
  if (plan) {
    planned += Number(plan[1]);
    reports += 1;
  }
  const result = /^(not )?ok \d+ - (.*)$/.exec(line);
  if (!result) continue;
  const [, isFailure, title] = result;
  if (isFailure) failures.push(title);
  else if (/ # (SKIP|TODO)/i.test(title)) skips.push(title.replace(/ # (SKIP|TODO).*/i, ""));
  else passed += 1;
}

const seen = passed + failures.length + skips.length;
if (reports < Number(process.argv[3] ?? 1)) failures.push("the test run itself: its report breaks off");
else if (planned > seen) failures.push(`the test run itself: ${planned - seen} planned tests gave no result`);
else if (seen === 0) failures.push("the test run itself: it found no tests");

const checks = Number(process.argv[2] ?? 0);
if (skips.length > 0) process.stdout.write(`\nSkipped:\n${skips.map((title) => `  ${title}\n`).join("")}`);
if (failures.length > 0) process.stdout.write(`\nFailed:\n${failures.map((title) => `  ${title}\n`).join("")}`);
process.stdout.write(`\n${passed} passed, ${failures.length + checks} failed, ${skips.length} skipped\n`);
process.exitCode = failures.length + checks > 0 ? 1 : 0;
