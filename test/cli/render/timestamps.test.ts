import test from "ava";
import { isoNanoseconds, isoTime, readableTime } from "../../../cli/render/timestamps.js";

const mtimes: readonly (readonly [seconds: number, nanoseconds: number, shown: string])[] = [
  [0, 0, "1970-01-01T00:00:00.000000000Z"],
  [981_173_106, 123_456_789, "2001-02-03T04:05:06.123456789Z"],
  [-1, 500_000_000, "1969-12-31T23:59:59.500000000Z"],
  [-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"],
  [-2_208_988_800, 1, "1900-01-01T00:00:00.000000001Z"],
  [4_294_967_296, 0, "2106-02-07T06:28:16.000000000Z"],
  [253_402_300_800, 5, "+010000-01-01T00:00:00.000000005Z"],
  [8_640_000_000_000, 0, "+275760-09-13T00:00:00.000000000Z"],
  [8_640_000_000_001, 7, "@8640000000001.000000007"],
  [-9_007_199_254_740_991, 0, "@-9007199254740991.000000000"],
];

for (const [mtimeSeconds, mtimeNanoseconds, shown] of mtimes) {
  test(`isoNanoseconds() of ${mtimeSeconds} s and ${mtimeNanoseconds} ns is ${shown}`, (t) => {
    t.is(isoNanoseconds({ mtimeSeconds, mtimeNanoseconds }), shown);
  });
}

const times: readonly (readonly [offset: number, iso: string, readable: string])[] = [
  [0, "2001-02-03T04:05:06Z", "2001-02-03 04:05:06 +0000"],
  [120, "2001-02-03T06:05:06+02:00", "2001-02-03 06:05:06 +0200"],
  [-570, "2001-02-02T18:35:06-09:30", "2001-02-02 18:35:06 -0930"],
];

for (const [offsetMinutes, iso, readable] of times) {
  test(`isoTime() and readableTime() show an offset of ${offsetMinutes} minutes`, (t) => {
    t.is(isoTime({ seconds: 981_173_106, offsetMinutes }), iso);
    t.is(readableTime({ seconds: 981_173_106, offsetMinutes }), readable);
  });
}

test("isoTime() and readableTime() show seconds past any calendar as they are", (t) => {
  const never = { seconds: 99_999_999_999_999, offsetMinutes: 60 };
  t.is(isoTime(never), "@99999999999999");
  t.is(readableTime(never), "@99999999999999");
});
