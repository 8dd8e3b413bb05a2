import { statSync } from "node:fs";
import test from "ava";
import { reportFailure, type ReportOptions } from "../../cli/report-failure.js";
import { VarveError } from "../../core/errors.js";
import type { CommitId } from "../../core/model/ids.js";

const PLAIN: ReportOptions = { json: false, command: "log", debug: false };

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new TypeError("nothing was thrown");
}

test("reportFailure() prints message, path and hint, each on its line", (t) => {
  const error = new VarveError("PATH_MISSING", "Cannot find it: gone", { path: "/a", hint: "Look elsewhere.\nOr not." });
  t.deepEqual(reportFailure(error, PLAIN), {
    data: "",
    talk: "varve: error: Cannot find it: gone\nvarve: path: /a\nvarve: hint: Look elsewhere.\nvarve: hint: Or not.\n",
    exitStatus: 22,
  });
});

test("reportFailure() names the commits that need a damaged layer, with the first line of each message", (t) => {
  const error = new VarveError("LAYER_CORRUPT", "Cannot read it: gone", { path: "/a", hint: "Repair it.", layers: ["1"] });
  const newest = [{ id: "ab".repeat(20) as CommitId, message: "one\u0007\n\nmore" }];
  t.is(
    reportFailure(error, { ...PLAIN, needing: { newest, more: 1234 } }).talk,
    `varve: error: Cannot read it: gone
varve: path: /a
varve: commit: ababababab one\\x07
varve: commit: and 1,234 more
varve: hint: Repair it.
`,
  );
  const { data } = reportFailure(error, { ...PLAIN, json: true, needing: { newest, more: 0 } });
  t.like(JSON.parse(data), { error: { code: "LAYER_CORRUPT", commits: newest, moreCommits: 0 } });
});

test("reportFailure() leaves out a path that the message holds", (t) => {
  const { talk } = reportFailure(new VarveError("PATH_MISSING", 'Cannot find "/a": gone', { path: "/a" }), PLAIN);
  t.is(talk, 'varve: error: Cannot find "/a": gone\n');
});

test("reportFailure() escapes what a terminal would act upon", (t) => {
  const error = new VarveError("PATH_MISSING", "Cannot find \u001b[2J\n: gone", { path: "/\u0007", hint: "See \u009b." });
  t.is(
    reportFailure(error, PLAIN).talk,
    "varve: error: Cannot find \\x1b[2J\\n: gone\nvarve: path: /\\x07\nvarve: hint: See \\xc2\\x9b.\n",
  );
});

test("reportFailure() gives JSON on stdout and nothing on stderr", (t) => {
  const { data, talk } = reportFailure(new VarveError("STORE_MISSING", "Cannot: no"), { ...PLAIN, json: true });
  t.deepEqual(JSON.parse(data), { error: { code: "STORE_MISSING", message: "Cannot: no", path: null, hint: null } });
  t.is(talk, "");
});

test("reportFailure() knows a full disk and a missing permission that nobody turned into an error of ours", (t) => {
  const missing = thrownBy(() => statSync("/nowhere/at/all"));
  t.is(reportFailure(missing, PLAIN).exitStatus, 52);
  t.is(reportFailure(Object.assign(new TypeError("x"), { syscall: "write", code: "ENOSPC" }), PLAIN).exitStatus, 51);
  t.is(reportFailure(Object.assign(new TypeError("x"), { syscall: "open", code: "EACCES" }), PLAIN).exitStatus, 50);
});

test("reportFailure() tells of a mistake of ours without a stack, and with one for VARVE_DEBUG", (t) => {
  const mistake = new RangeError("off by one");
  t.notRegex(reportFailure(mistake, PLAIN).talk, /\bat .*:\d+/);
  t.like(reportFailure(mistake, PLAIN), { exitStatus: 70 });
  t.regex(reportFailure(mistake, { ...PLAIN, debug: true }).talk, /caused by RangeError: off by one\n\s+at /);
});
