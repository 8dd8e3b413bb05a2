import { execFileSync } from "node:child_process";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { readReflogTime } from "../../../core/revision/reflog-time.js";
import { hermeticEnvironment } from "../../helpers/hermetic-environment.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

/** What git itself takes times for. Many at once: each line of output is one's. */
function gitsTimes(directory: string, texts: readonly string[], now: Date, zone: string): readonly number[] {
  const env = { ...hermeticEnvironment(directory), TZ: zone, GIT_TEST_DATE_NOW: String(now.getTime() / 1000) };
  const words = ["rev-parse", ...texts.map((text) => `--since=${text}`)];
  const output = execFileSync("git", words, { cwd: directory, env, encoding: "utf8" });
  return output
    .trim()
    .split("\n")
    .map((line) => Number(line.replace("--max-age=", "")));
}

function repository(t: ExecutionContext): string {
  const directory = temporaryDirectory(t);
  execFileSync("git", ["init", "--quiet"], { cwd: directory, env: hermeticEnvironment(directory) });
  return directory;
}

function inZone<T>(zone: string, work: () => T): T {
  const before = process.env["TZ"];
  process.env["TZ"] = zone;
  try {
    return work();
  } finally {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  }
}

const TEXTS =
  `yesterday|today|now|noon|midnight|yesterday noon|yesterday.noon|noon yesterday|today midnight|Yesterday|10:00|23:59:58
  |yesterday 10:00|10:00 yesterday|2.days.ago 6:30|1.second.ago|90.seconds.ago|5.minutes.ago|36.hours.ago|1.day.ago|2.days.ago|3 weeks ago
  |1.month.ago|6.months.ago|13 months ago|1.year.ago|40.years.ago|1 day 2 hours ago|2.months.1.day.ago|one week ago|last.month|ten days
  |2026-11-10|2026-7-1|2026/11/10|2024-02-29|2026-11-10 10:00|2026-07-10T10:00|2026-11-10 10:00:05|2026-11-10 10:00:05.75
  |2026-11-10T10:00:05Z|2026-11-10 10:00 UTC|2026-11-10 10:00 +0100|2026-11-10T10:00:00-05:30|1700000000|@1700000000|999999999`
    .split("|")
    .map((text) => text.trim());

test.serial('readReflogTime() of "now" after a move takes the zone of that time', (t) => {
  const [directory, now] = [repository(t), new Date("1994-08-12T20:40:00Z")];
  const texts = ["6.months.ago now noon", "6.months.ago noon", "6.months.ago now"];
  const found = inZone("Europe/Berlin", () => texts.map((text) => readReflogTime(text, now)));
  t.deepEqual(found, gitsTimes(directory, texts, now, "Europe/Berlin"));
});

/** The second is the day of a month that others lack, the third in summer, the fourth in the hours after a change of the clocks. */
const MOMENTS = ["2026-11-18T11:06:40Z", "2026-03-31T23:30:00Z", "2026-07-04T05:00:01Z", "2026-10-25T06:10:00Z"];
const ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"];

for (const zone of ZONES) {
  test.serial(`readReflogTime() takes words for the times that git takes them for, in ${zone}`, (t) => {
    const directory = repository(t);
    for (const moment of MOMENTS) {
      const now = new Date(moment);
      const wanted = gitsTimes(directory, TEXTS, now, zone);
      const found = inZone(zone, () => TEXTS.map((text) => readReflogTime(text, now)));
      for (const [index, text] of TEXTS.entries()) t.is(found[index], wanted[index], `${text} at ${moment}`);
    }
  });
}

const word = fc.oneof(
  fc.constantFrom("yesterday", "now", "noon", "midnight", "9:05", "18:30"),
  fc
    .tuple(fc.integer({ min: 0, max: 99 }), fc.constantFrom("seconds", "minutes", "hours", "days", "weeks", "months", "years"))
    .map(([count, unit]) => `${count}.${unit}.ago`),
);
const FIRST_SECOND = Date.UTC(1990, 0, 1) / 1000;
const LAST_SECOND = Date.UTC(2037, 0, 1) / 1000;

test.serial("readReflogTime() of any row of words, at any time, is the time that git takes it for", (t) => {
  const directory = repository(t);
  const rows = fc.array(
    fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(" ")),
    { minLength: 20, maxLength: 20 },
  );
  const seconds = fc.integer({ min: FIRST_SECOND, max: LAST_SECOND });
  fc.assert(
    fc.property(rows, seconds, fc.constantFrom(...ZONES), (texts, second, zone) => {
      const now = new Date(second * 1000);
      const found = inZone(zone, () => texts.map((text) => readReflogTime(text, now)));
      // Git has no times before 1970.
      const wanted = gitsTimes(directory, texts, now, zone);
      for (const [index, text] of texts.entries()) if ((found[index] ?? 0) > 0) t.is(found[index], wanted[index], text);
    }),
    { numRuns: 40 },
  );
});

for (const text of [
  "",
  " ",
  "u",
  "someday",
  "3",
  "2026",
  "2026-11",
  "2026-13-01",
  "2026-02-30",
  "2026-11-10 25:00",
  "24:00",
  "10:60",
]) {
  test(`readReflogTime() of ${JSON.stringify(text)} is none`, (t) => {
    t.is(readReflogTime(text, new Date(0)), undefined);
  });
}

// What git reads otherwise than people mean it, or passes over.
for (const text of [
  "2026-11-10 noon",
  "2026-11-10 10:00 yesterday",
  "a week ago",
  "5.min.ago",
  "5m",
  "days",
  "1.day.from.now",
  "constructor",
]) {
  test(`readReflogTime() of ${JSON.stringify(text)} is none, though git takes it for a time`, (t) => {
    t.is(readReflogTime(text, new Date()), undefined);
  });
}

test("readReflogTime() takes no long time for text made to cost it", (t) => {
  t.is(readReflogTime(`${"1.day.".repeat(600)}x`, new Date()), undefined);
  t.is(readReflogTime(`2026-11-10${" ".repeat(4000)}x`, new Date()), undefined);
  t.is(readReflogTime("999999.years.ago", new Date()), undefined);
});
