import { appendFileSync, readFileSync, truncateSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { parseCommitId } from "../../../core/model/ids.js";
import { appendReflog, readReflog } from "../../../store/git/reflog.js";
import { temporaryStore } from "../../helpers/temporary-store.js";

const [A, B] = [parseCommitId("a".repeat(40)), parseCommitId("b".repeat(40))];
const who = { name: "Ada L", email: "ada@example.org", seconds: 981_173_106, offsetMinutes: -210 };
const NAME = "refs/heads/a/b";

test("appendReflog() writes git's lines, and readReflog() reads them, newest first", (t) => {
  const { git } = temporaryStore(t);
  appendReflog(git, NAME, { before: undefined, after: A, who, reason: "branch: made" });
  appendReflog(git, NAME, { before: A, after: B, who: { ...who, offsetMinutes: 60 }, reason: "two\nlines\t " });
  t.is(
    readFileSync(path.join(git, "logs", NAME), "utf8"),
    `${"0".repeat(40)} ${A} Ada L <ada@example.org> 981173106 -0330\tbranch: made\n` +
      `${A} ${B} Ada L <ada@example.org> 981173106 +0100\ttwo lines\n`,
  );
  t.deepEqual(readReflog(git, NAME), [
    { before: A, after: B, who: { ...who, offsetMinutes: 60 }, reason: "two lines" },
    { before: undefined, after: A, who, reason: "branch: made" },
  ]);
});

test("a line that a crash tore is passed over, and does not swallow the next", (t) => {
  const { git } = temporaryStore(t);
  const file = path.join(git, "logs", NAME);
  appendReflog(git, NAME, { before: undefined, after: A, who, reason: "one" });
  const size = readFileSync(file).length;
  appendReflog(git, NAME, { before: A, after: B, who, reason: "two" });
  truncateSync(file, size + 50);
  appendReflog(git, NAME, { before: A, after: B, who, reason: "three" });
  appendFileSync(file, "\0\0\0");
  t.deepEqual(
    readReflog(git, NAME).map(({ reason }) => reason),
    ["three", "one"],
  );
});
