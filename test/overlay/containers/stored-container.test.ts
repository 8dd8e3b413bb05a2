import test from "ava";
import type { RunConfiguration } from "../../../core/ports/containers.js";
import { formatContainer, parseContainer } from "../../../overlay/containers/stored-container.js";
import { containerRecord } from "../container-fixture.js";

const ISOLATED: Partial<RunConfiguration> = {
  volumes: [
    { source: "/a", destination: "/b", readOnly: true, propagation: "rslave", shallow: true },
    { source: "data", destination: "/d", readOnly: false, named: true, noCopy: true },
  ],
  security: {
    added: ["CAP_NET_ADMIN"],
    dropped: ["ALL"],
    privileged: false,
    seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls: [] },
    newPrivileges: true,
    systemPaths: true,
  },
  tmpfs: [{ destination: "/t", options: ["size=1m"] }],
  devices: [{ source: "/dev/a", destination: "/dev/b", access: "rw" }],
  ulimits: [{ name: "nofile", soft: 1, hard: -1 }],
  sysctls: { "net.a": "1" },
  groups: ["video"],
  names: { hosts: [{ name: "db", address: "10.0.0.7" }], servers: ["10.0.0.1"], search: ["."], options: ["ndots:2"] },
  namespaces: { pid: "host", ipc: "container:a", uts: "host" },
  shmBytes: 4096,
  init: true,
  stop: { signal: 10, seconds: 0 },
  labels: { a: "b" },
  platform: { os: "linux", architecture: "amd64" },
};
const record = {
  ...containerRecord("box", { limits: { cpus: 0.5 }, ...ISOLATED }),
  exitCode: 3,
};
const good = JSON.parse(formatContainer({ record, generation: 2 })) as Record<string, unknown>;
const configuration = good["configuration"] as Record<string, unknown>;

test("parseContainer() reads what formatContainer() wrote", (t) => {
  t.deepEqual(parseContainer(JSON.stringify(good), record.id, "x"), { record, generation: 2 });
});

const isolated = (more: Record<string, unknown>): string =>
  JSON.stringify({ ...good, configuration: { ...configuration, ...more } });

const hostile: readonly (readonly [why: string, text: string])[] = [
  ["a capability that Linux lacks", isolated({ security: { added: ["CAP_NOPE"] } })],
  ["a profile that is none", isolated({ security: { seccomp: { defaultAction: 1 } } })],
  [
    "a path of this machine that goes with the container",
    isolated({ volumes: [{ source: "/x", destination: "/d", readOnly: false, anonymous: true }] }),
  ],
  ["a volume whose name is a path", isolated({ volumes: [{ source: "../x", destination: "/d", readOnly: false, named: true }] })],
  ["another propagation", isolated({ volumes: [{ source: "/x", destination: "/d", readOnly: false, propagation: "shared" }] })],
  ["a tmpfs that is nowhere", isolated({ tmpfs: [{ destination: "t", options: [] }] })],
  ["another way to use a device", isolated({ devices: [{ source: "/a", destination: "/b", access: "x" }] })],
  ["another limit", isolated({ ulimits: [{ name: "constructor", soft: 1, hard: 1 }] })],
  ["a setting that is no text", isolated({ sysctls: { a: 1 } })],
  ["a host that is two lines", isolated({ names: { hosts: [{ name: "a\nb", address: "c" }] } })],
  ["another namespace", isolated({ namespaces: { pid: "/proc/1/ns/pid" } })],
  ["signal 65", isolated({ stop: { signal: 65 } })],
  ["nothing", ""],
  ["half a record", JSON.stringify(good).slice(0, 100)],
  ["a list", "[]"],
  ["null", "null"],
  ["another id", JSON.stringify({ ...good, id: "0".repeat(12) })],
  ["a path as a branch", JSON.stringify({ ...good, branch: "refs/heads/../../x" })],
  ["a path as a layer", JSON.stringify({ ...good, layers: ["../../etc"] })],
  ["layers that are no list", JSON.stringify({ ...good, layers: "x" })],
  ["a generation that is a path", JSON.stringify({ ...good, generation: "../x" })],
  ["generation 0", JSON.stringify({ ...good, generation: 0 })],
  ["an exit code of 256", JSON.stringify({ ...good, exitCode: 256 })],
  ["a name with NUL", JSON.stringify({ ...good, name: "a\0b" })],
  ["another network", JSON.stringify({ ...good, configuration: { ...configuration, network: "../x" } })],
  [
    "another address",
    JSON.stringify({ ...good, configuration: { ...configuration, network: "lab", endpoint: { address: "-j" } } }),
  ],
  ["a command of numbers", JSON.stringify({ ...good, configuration: { ...configuration, command: [1] } })],
  ["a negative limit", JSON.stringify({ ...good, configuration: { ...configuration, limits: { memoryBytes: -1 } } })],
  [
    "infinite processors",
    JSON.stringify({ ...good, configuration: { ...configuration, limits: {} } }).replace(
      '"limits":{}',
      '"limits":{"cpus":1e999}',
    ),
  ],
];

for (const [why, text] of hostile) {
  test(`parseContainer() of ${why} throws STORE_DAMAGED`, (t) => {
    t.like(
      t.throws(() => parseContainer(text, record.id, "/store/x")),
      { code: "STORE_DAMAGED", path: "/store/x" },
    );
  });
}
