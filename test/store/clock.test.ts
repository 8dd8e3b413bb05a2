import test from "ava";
import { commitTime, now, sourceDateEpoch } from "../../store/clock.js";

test.beforeEach(() => {
  delete process.env["VARVE_CLOCK"];
  delete process.env["SOURCE_DATE_EPOCH"];
});

test.serial("now() is the system's time, or the one that VARVE_CLOCK pins", (t) => {
  t.true(Math.abs(now().getTime() - Date.now()) < 1000);
  process.env["VARVE_CLOCK"] = "2001-02-03T04:05:06Z";
  t.is(now().getTime(), 981_173_106_000);
  t.deepEqual(commitTime(), { seconds: 981_173_106, offsetMinutes: 0 });
});

test.serial("commitTime() has this machine's offset from UTC", (t) => {
  t.is(commitTime().offsetMinutes, 0 - new Date().getTimezoneOffset());
});

test.serial("SOURCE_DATE_EPOCH goes before VARVE_CLOCK for commits", (t) => {
  process.env["VARVE_CLOCK"] = "2001-02-03T04:05:06Z";
  process.env["SOURCE_DATE_EPOCH"] = "86400";
  t.deepEqual(commitTime(), { seconds: 86_400, offsetMinutes: 0 });
  t.is(sourceDateEpoch(), 86_400);
});

for (const bad of ["yesterday", "-1", "1.5", " 1", "1e3"]) {
  test.serial(`SOURCE_DATE_EPOCH of "${bad}" throws USAGE`, (t) => {
    process.env["SOURCE_DATE_EPOCH"] = bad;
    t.throws(commitTime, { code: "USAGE" });
  });
}

test.serial("VARVE_CLOCK that is no time throws USAGE", (t) => {
  process.env["VARVE_CLOCK"] = "soon";
  t.throws(now, { code: "USAGE" });
});
