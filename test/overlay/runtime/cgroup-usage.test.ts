import test from "ava";
import { networkUsage, usageOfVersion1, usageOfVersion2 } from "../../../overlay/runtime/cgroup-usage.js";

const MACHINE = 8 * 2 ** 30;

const FIRST: Readonly<Record<string, string>> = {
  "cpuacct.usage": "4200000000\n",
  "memory.usage_in_bytes": "10485760\n",
  "memory.stat": "cache 5242880\ninactive_file 1\ntotal_cache 5242880\ntotal_inactive_file 4194304\n",
  "memory.limit_in_bytes": "67108864\n",
  "blkio.throttle.io_service_bytes":
    "8:0 Read 1000\n8:0 Write 10\n8:0 Sync 1010\n8:0 Async 0\n8:0 Total 1010\n7:3 Read 24\n7:3 Write 0\nTotal 1034\n",
  "pids.current": "3\n",
};

const SECOND: Readonly<Record<string, string>> = {
  "cpu.stat": "usage_usec 4200000\nuser_usec 4000000\nsystem_usec 200000\n",
  "memory.current": "10485760\n",
  "memory.stat": "anon 4096\nfile 5242880\ninactive_anon 7\ninactive_file 4194304\n",
  "memory.max": "67108864\n",
  "io.stat": "8:0 rbytes=1000 wbytes=10 rios=2 wios=1 dbytes=0 dios=0\n7:3 rbytes=24 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n",
  "pids.current": "3\n",
};

const USED = {
  cpuNanoseconds: 4_200_000_000,
  memoryBytes: 6 << 20,
  memoryLimitBytes: 64 << 20,
  readBytes: 1024,
  writtenBytes: 10,
  processes: 3,
};

const UNKNOWN = {
  cpuNanoseconds: undefined,
  memoryBytes: undefined,
  memoryLimitBytes: undefined,
  readBytes: undefined,
  writtenBytes: undefined,
  processes: undefined,
};

const CASES = [
  ["version 1", usageOfVersion1, FIRST, USED],
  ["version 2", usageOfVersion2, SECOND, USED],
  [
    "version 1 with the recursive file",
    usageOfVersion1,
    { ...FIRST, "blkio.throttle.io_service_bytes_recursive": "8:0 Read 7\n8:0 Write 8\nTotal 15\n" },
    { ...USED, readBytes: 7, writtenBytes: 8 },
  ],
  [
    "version 1 without a limit",
    usageOfVersion1,
    { ...FIRST, "memory.limit_in_bytes": "9223372036854771712\n" },
    { ...USED, memoryLimitBytes: MACHINE },
  ],
  ["version 2 without a limit", usageOfVersion2, { ...SECOND, "memory.max": "max\n" }, { ...USED, memoryLimitBytes: MACHINE }],
  ["version 2, all of it cache", usageOfVersion2, { ...SECOND, "memory.current": "4096\n" }, { ...USED, memoryBytes: 0 }],
  ["version 1 without files", usageOfVersion1, {}, UNKNOWN],
  ["version 2 without files", usageOfVersion2, {}, UNKNOWN],
  [
    "version 2 before any block I/O",
    usageOfVersion2,
    { "io.stat": "", "pids.current": "1\n" },
    { ...UNKNOWN, readBytes: 0, writtenBytes: 0, processes: 1 },
  ],
] as const;

for (const [name, usage, files, expected] of CASES) {
  test(`usage of a cgroup: ${name}`, (t) => {
    const texts: Readonly<Record<string, string>> = files;
    t.deepEqual(
      usage((file) => texts[file], MACHINE),
      expected,
    );
  });
}

test("usage of a network: all devices but the loopback", (t) => {
  const head = "Inter-|   Receive  |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets\n";
  const lo =
    "    lo:   12772     116    0    0    0     0          0         0    12772     116    0    0    0     0       0          0\n";
  const eth0 = "  eth0: 4317 15 0 0 0 0 0 0 263 14 0 0 0 0 0 0\n";
  const eth1 = "eth1:10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n";
  t.deepEqual(networkUsage(head + lo + eth0 + eth1), { receivedBytes: 4327, sentBytes: 283 });
  t.deepEqual(networkUsage(head + lo), { receivedBytes: 0, sentBytes: 0 });
  t.deepEqual(networkUsage(""), { receivedBytes: 0, sentBytes: 0 });
});
