import test from "ava";
import type { RunConfiguration } from "../../../core/ports/containers.js";
import {
  environmentOf,
  runtimeConfiguration,
  type RuntimeConfiguration,
} from "../../../overlay/runtime/runtime-configuration.js";
import { CAPABILITIES } from "../../../core/isolation/capabilities.js";
import { CONFIGURATION } from "../container-fixture.js";

const ROOT = { uid: 0, gid: 0, groups: [], home: "/root" };

function made(configuration: Partial<RunConfiguration> = {}, cgroups = true, uid = 0): RuntimeConfiguration {
  const user = { ...ROOT, uid };
  return runtimeConfiguration({
    id: "0123456789ab",
    root: "/r",
    configuration: { ...CONFIGURATION, ...configuration },
    user,
    files: [{ source: "/s/hosts", destination: "/etc/hosts" }],
    cgroups,
    available: CAPABILITIES,
    limitsSwap: true,
    architecture: "x64",
  });
}

const types = ({ linux }: RuntimeConfiguration): readonly string[] => linux.namespaces.map(({ type }) => type);

test("runtimeConfiguration() gives six namespaces, and all but the network's with the host's network", (t) => {
  t.deepEqual(types(made()), ["pid", "mount", "uts", "ipc", "cgroup", "network"]);
  t.deepEqual(types(made({ network: "host" })), ["pid", "mount", "uts", "ipc", "cgroup"]);
});

test("runtimeConfiguration() sets no resource limits of processes, which not every root may raise", (t) => {
  t.false("rlimits" in made().process);
});

test("runtimeConfiguration() without cgroups forbids making device nodes", (t) => {
  const { process, linux, mounts } = made({}, false);
  t.false(process.capabilities["bounding"]!.includes("CAP_MKNOD"));
  t.true(made().process.capabilities["bounding"]!.includes("CAP_MKNOD"));
  t.deepEqual([linux.cgroupsPath, linux.resources], [undefined, undefined]);
  t.false(mounts.some(({ type }) => type === "cgroup"));
});

test("runtimeConfiguration() without cgroups opens no device node of a volume, which may come from the image", (t) => {
  const volumes = [{ source: "/v", destination: "/d", readOnly: false, named: true }];
  t.true(made({ volumes }, false).mounts.at(-1)!.options.includes("nodev"));
  t.false(made({ volumes }).mounts.at(-1)!.options.includes("nodev"));
});

test("runtimeConfiguration() gives another user than root no capability but the bounding set", (t) => {
  const { capabilities } = made({}, true, 1000).process;
  t.deepEqual(
    [capabilities["effective"], capabilities["permitted"], capabilities["inheritable"], capabilities["ambient"]],
    [[], [], [], []],
  );
  t.is(capabilities["bounding"]!.length, 14);
});

test("runtimeConfiguration() denies all devices and sets only the limits that were asked for", (t) => {
  const devices = [{ allow: false, access: "rwm" }];
  t.deepEqual(made().linux.resources, { devices });
  const limits = { memoryBytes: 1 << 20, processes: 7, cpus: 1.5 };
  const wanted = {
    devices,
    memory: { limit: 1 << 20, swap: 2 << 20 },
    pids: { limit: 7 },
    cpu: { quota: 150_000, period: 100_000 },
  };
  t.deepEqual(made({ limits }).linux.resources, wanted);
  t.deepEqual(
    made({ limits: { cpus: 0.001 } }).linux.resources?.cpu,
    { quota: 1000, period: 100_000 },
    "the kernel's least quota is 1 ms",
  );
});

test("runtimeConfiguration() mounts an outer volume before the one within it, and both after the system's", (t) => {
  const volume = (destination: string, readOnly = false): RunConfiguration["volumes"][number] => ({
    source: "/v",
    destination,
    readOnly,
  });
  const { mounts } = made({ volumes: [volume("/a/b/c", true), volume("/a"), volume("/z/")] });
  t.deepEqual(
    mounts.slice(-3).map(({ destination, options }) => [destination, options.at(-1)]),
    [
      ["/a", "rw"],
      ["/z/", "rw"],
      ["/a/b/c", "ro"],
    ],
  );
  t.is(mounts.at(-4)?.destination, "/etc/hosts");
});

const environments: readonly {
  readonly why: string;
  readonly given: Partial<RunConfiguration>;
  readonly wants: readonly string[];
}[] = [
  {
    why: "has docker's defaults",
    given: {},
    wants: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=box", "HOME=/root"],
  },
  {
    why: "has TERM with a terminal",
    given: { terminal: true, environment: ["PATH=/x"] },
    wants: ["PATH=/x", "HOSTNAME=box", "TERM=xterm", "HOME=/root"],
  },
  {
    why: "takes the last of two",
    given: { environment: ["PATH=/x", "A=1", "A=2=3", "HOME="] },
    wants: ["PATH=/x", "HOSTNAME=box", "HOME=", "A=2=3"],
  },
];

for (const { why, given, wants } of environments) {
  test(`environmentOf() ${why}`, (t) => {
    t.deepEqual(environmentOf({ ...CONFIGURATION, ...given }, ROOT), wants);
  });
}
