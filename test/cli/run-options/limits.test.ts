import { readdirSync } from "node:fs";
import test from "ava";
import { VarveError } from "../../../core/errors.js";
import type { OptionValues } from "../../../cli/command.js";
import { type LIMIT_OPTIONS, limitsOf, oomScoreOf } from "../../../cli/run-options/limits.js";

type Options = OptionValues<typeof LIMIT_OPTIONS>;
const RATES = { "device-read-bps": [], "device-write-bps": [], "device-read-iops": [], "device-write-iops": [] };
const limits = (given: Partial<Options>) => limitsOf({ ...RATES, ...given } as Options);

test("limitsOf() reads what docker reads", (t) => {
  t.deepEqual(limits({}), {});
  t.deepEqual(limits({ memory: "64m", "memory-swap": "-1", "memory-reservation": "32M" }), {
    memoryBytes: 64 << 20,
    memorySwapBytes: -1,
    memoryReservationBytes: 32 << 20,
  });
  t.deepEqual(limits({ "pids-limit": "-1", "cpu-quota": "-1" }), {}, "no limit");
  t.deepEqual(limits({ cpus: "0.5", "cpu-shares": "2", "cpuset-cpus": "0", "cpuset-mems": "0", "blkio-weight": "10" }), {
    cpus: 0.5,
    cpuShares: 2,
    cpuset: "0",
    memoryNodes: "0",
    blockWeight: 10,
  });
});

const refused: readonly { readonly given: Partial<Options>; readonly why: RegExp }[] = [
  { given: { memory: "5m" }, why: /--memory "5m".*6m or more/ },
  { given: { memory: "64m", "memory-reservation": "1m" }, why: /--memory-reservation "1m".*6m or more/ },
  { given: { "memory-swap": "64m" }, why: /needs --memory/ },
  { given: { memory: "64m", "memory-swap": "63m" }, why: /--memory-swap is less/ },
  { given: { memory: "64m", "memory-reservation": "65m" }, why: /--memory-reservation is more/ },
  { given: { cpus: "99999" }, why: /this machine has no more/ },
  { given: { cpus: "1", "cpu-period": "100000" }, why: /--cpus stands for/ },
  { given: { "cpu-shares": "1" }, why: /from 2 to 262144/ },
  { given: { "cpu-period": "999" }, why: /from 1000 to 1000000/ },
  { given: { "cpu-quota": "999" }, why: /from 1000 to/ },
  { given: { "cpuset-cpus": "99999" }, why: /this machine has / },
  { given: { "cpuset-cpus": "1-0" }, why: /wanted a list/ },
  { given: { "cpuset-cpus": "0,,1" }, why: /wanted a list/ },
  { given: { "cpuset-mems": "99999" }, why: /this machine has / },
  { given: { "pids-limit": "0" }, why: /whole number from 1/ },
  { given: { "blkio-weight": "9" }, why: /from 10 to 1000/ },
  { given: { "device-read-bps": ["/dev/null:1m"] }, why: /no block device/ },
  { given: { "device-read-bps": ["/nope:1m"] }, why: /no such device/ },
  { given: { "device-write-iops": ["vda:10"] }, why: /wanted DEVICE:RATE/ },
];

for (const { given, why } of refused) {
  test(`limitsOf() refuses ${JSON.stringify(given)}`, (t) => {
    const error = t.throws(() => limits(given), { instanceOf: VarveError });
    t.regex(error?.message ?? "", why);
  });
}

test("limitsOf() refuses a rate that is none, of a device that is there", (t) => {
  const device = readdirSync("/sys/block")[0];
  if (device === undefined) {
    t.pass("a machine without disks");
    return;
  }
  t.throws(() => limits({ "device-read-bps": [`/dev/${device}:0`] }), { instanceOf: VarveError });
  t.throws(() => limits({ "device-read-iops": [`/dev/${device}:1m`] }), { instanceOf: VarveError });
});

test("oomScoreOf() keeps to what the kernel takes", (t) => {
  t.deepEqual(["-1000", "0", "1000"].map(oomScoreOf), [-1000, 0, 1000]);
  for (const text of ["1001", "-1001", "", "x"]) t.throws(() => oomScoreOf(text), { instanceOf: VarveError }, text);
});
