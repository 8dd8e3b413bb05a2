import { chownSync, existsSync, mkdirSync, readFileSync, readlinkSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { boundingSet, CAPABILITIES, DEFAULT_CAPABILITIES } from "../../../core/isolation/capabilities.js";
import type { RunConfiguration } from "../../../core/ports/containers.js";
import { ownCapabilities } from "../../../overlay/runtime/process-privileges.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { ContainerFixture, ended, until } from "../container-fixture.js";

const runtimeTest = testIf("erofs", "overlay", "oci-runtime", "mkfs.erofs");
const initTest = testIf("erofs", "overlay", "oci-runtime", "mkfs.erofs", "catatonit");
let fixture: ContainerFixture;
runtimeTest.before(() => {
  fixture = new ContainerFixture();
});
runtimeTest.after.always(() => fixture?.dispose());

const shell = (script: string): Partial<RunConfiguration> => ({ command: ["/bin/sh", "-c", script] });
let number = 0;
const nextName = (): string => `box-${++number}`;

/** As /proc/PID/status shows a set. */
function mask(names: readonly string[]): string {
  const bits = names.reduce((sum, name) => sum | (1n << BigInt(CAPABILITIES.indexOf(name))), 0n);
  return bits.toString(16).padStart(16, "0");
}

const available = ownCapabilities();
const STATUS = "grep -E 'CapEff|CapBnd' /proc/self/status";
const caps = (effective: readonly string[], bounding = effective): string =>
  `CapEff:\t${mask(effective)}\nCapBnd:\t${mask(bounding)}\n`;
const without = (...names: readonly string[]): readonly string[] => DEFAULT_CAPABILITIES.filter((name) => !names.includes(name));
const FORBIDS_MKDIR = {
  defaultAction: "SCMP_ACT_ALLOW",
  archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] }],
  syscalls: [
    { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28, excludes: { caps: ["CAP_SYS_ADMIN"] } },
    { names: ["reboot"], action: "SCMP_ACT_ERRNO", args: null },
  ],
};

const facts: readonly { readonly fact: string; readonly run: Partial<RunConfiguration>; readonly wants: string | RegExp }[] = [
  {
    fact: "lacks capabilities that were dropped",
    run: { ...shell(STATUS), security: { dropped: ["CAP_MKNOD", "CAP_CHOWN"] } },
    wants: caps(without("CAP_MKNOD", "CAP_CHOWN")),
  },
  {
    fact: "can't do what a dropped capability is for",
    run: { ...shell("chown 5 /data 2>&1 | grep -o 'not permitted'"), security: { dropped: ["CAP_CHOWN"] } },
    wants: "not permitted\n",
  },
  {
    fact: "has nothing but what was added to nothing",
    run: { ...shell(STATUS), security: { dropped: ["ALL"], added: ["CAP_NET_ADMIN"] } },
    wants: caps(["CAP_NET_ADMIN"]),
  },
  {
    fact: "has all but one",
    run: { ...shell(STATUS), security: { added: ["ALL"], dropped: ["CAP_SYS_ADMIN"] } },
    wants: caps(available.filter((name) => name !== "CAP_SYS_ADMIN")),
  },
  {
    fact: "gives another user than root what was added in the bounding set alone",
    run: { ...shell(STATUS), user: "alice", security: { added: ["CAP_NET_ADMIN"] } },
    wants: caps([], boundingSet({ added: ["CAP_NET_ADMIN"] }, available)),
  },
  {
    fact: "may mount with CAP_SYS_ADMIN, whose system calls the filter lets through",
    run: { ...shell("mount -t tmpfs none /tmp && echo mounted"), security: { added: ["CAP_SYS_ADMIN"] } },
    wants: "mounted\n",
  },
  {
    fact: "is privileged",
    run: {
      ...shell(
        `${STATUS}; grep -E 'NoNewPrivs|Seccomp:' /proc/self/status; mount -t tmpfs none /tmp && echo mounted; grep -c ' /proc/' /proc/self/mountinfo; [ -c /dev/kmsg ] && echo kmsg`,
      ),
      security: { privileged: true },
    },
    wants: `${caps(available)}NoNewPrivs:\t0\nSeccomp:\t0\nmounted\n0\nkmsg\n`,
  },
  {
    fact: "may gain privileges where that is asked for",
    run: { ...shell("grep NoNewPrivs /proc/self/status"), security: { newPrivileges: true } },
    wants: "NoNewPrivs:\t0\n",
  },
  {
    fact: "may gain none, though it is privileged",
    run: { ...shell("grep NoNewPrivs /proc/self/status"), security: { privileged: true, newPrivileges: false } },
    wants: "NoNewPrivs:\t1\n",
  },
  {
    fact: "stands under no filter",
    run: { ...shell("grep Seccomp: /proc/self/status"), security: { seccomp: "unconfined" } },
    wants: "Seccomp:\t0\n",
  },
  {
    fact: "stands under a filter of its own, by which a call fails as it says",
    run: { ...shell("mkdir /new 2>&1; [ -d /new ] || echo refused"), security: { seccomp: FORBIDS_MKDIR } },
    wants: /No space left on device\nrefused\n$/,
  },
  {
    fact: "has what a capability takes out of its own filter",
    run: { ...shell("mkdir /new && echo made"), security: { seccomp: FORBIDS_MKDIR, added: ["CAP_SYS_ADMIN"] } },
    wants: "made\n",
  },
  {
    fact: "sees what of /proc is masked elsewhere",
    run: { ...shell("grep -c ' /proc/' /proc/self/mountinfo; true"), security: { systemPaths: true } },
    wants: "0\n",
  },
  {
    fact: "has a tmpfs with its options",
    run: {
      ...shell(
        "grep ' /scratch ' /proc/self/mountinfo | cut -d' ' -f6- 2>/dev/null || grep ' /scratch ' /proc/self/mounts; echo x > /scratch/x; cat /scratch/x",
      ),
      tmpfs: [{ destination: "/scratch", options: ["size=1m", "mode=700"] }],
    },
    wants: /tmpfs.*nosuid,nodev,noexec.*size=1024k,mode=700[^]*x\n$/,
  },
  {
    fact: "runs programs from a tmpfs that allows it",
    run: {
      ...shell("cat /bin/true > /t/x; chmod 755 /t/x; /t/x && echo ran"),
      tmpfs: [{ destination: "/t", options: ["exec"] }],
    },
    wants: "ran\n",
  },
  {
    fact: "writes to a tmpfs in a read-only tree",
    run: {
      ...shell("touch /tmp/x && echo ok; touch /x 2>/dev/null || echo refused"),
      readOnly: true,
      tmpfs: [{ destination: "/tmp", options: [] }],
    },
    wants: "ok\nrefused\n",
  },
  {
    fact: "has limits",
    run: {
      ...shell("ulimit -n; ulimit -Hn; ulimit -c; ulimit -f"),
      ulimits: [
        { name: "nofile", soft: 100, hard: 200 },
        { name: "core", soft: 0, hard: 0 },
        { name: "fsize", soft: -1, hard: -1 },
      ],
    },
    wants: "100\n200\n0\nunlimited\n",
  },
  {
    fact: "has kernel settings of its own",
    run: {
      ...shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax"),
      sysctls: { "net.ipv4.ip_unprivileged_port_start": "81", "kernel.msgmax": "4242" },
    },
    wants: "81\n4242\n",
  },
  {
    fact: "has groups by name and number beside its user's",
    run: { ...shell("id -G"), user: "1000:1000", groups: ["video", "77", "video"] },
    wants: "1000 44 77\n",
  },
  {
    fact: "knows hosts and name servers that it was given",
    run: {
      ...shell("grep db /etc/hosts; cat /etc/resolv.conf"),
      // The small root has neither file, so that both are the run's.
      names: { hosts: [{ name: "db", address: "10.0.0.7" }], servers: ["10.0.0.1"], search: ["a.test"], options: ["ndots:2"] },
    },
    wants: "10.0.0.7\tdb\nsearch a.test\nnameserver 10.0.0.1\noptions ndots:2\n",
  },
  {
    fact: "has a /dev/shm of the size that was asked for",
    run: { ...shell("grep ' /dev/shm ' /proc/self/mounts"), shmBytes: 8 * 1024 ** 2 },
    wants: /size=8192k/,
  },
  {
    fact: "shares the host's name",
    run: { ...shell("hostname; readlink /proc/self/ns/uts"), namespaces: { uts: "host" } },
    wants: `${os.hostname()}\n${readlinkSync("/proc/self/ns/uts")}\n`,
  },
  {
    fact: "shares the host's System V memory",
    run: { ...shell("readlink /proc/self/ns/ipc"), namespaces: { ipc: "host" } },
    wants: `${readlinkSync("/proc/self/ns/ipc")}\n`,
  },
  {
    fact: "sees the host's processes",
    run: { ...shell(`readlink /proc/self/ns/pid; [ -d /proc/${process.pid} ] && echo seen`), namespaces: { pid: "host" } },
    wants: `${readlinkSync("/proc/self/ns/pid")}\nseen\n`,
  },
  {
    fact: "reads a device that was given, and can't write to it",
    run: {
      ...shell("exec 3< /dev/given && echo read; (exec 4> /dev/given) 2>/dev/null || echo refused"),
      devices: [{ source: "/dev/loop-control", destination: "/dev/given", access: "r" }],
    },
    wants: "read\nrefused\n",
  },
];

for (const { fact, run, wants } of facts) {
  runtimeTest(`run() starts a process that ${fact}`, (t) => {
    const name = nextName();
    const record = fixture.create(name, run);
    const { stdout, stderr, error } = fixture.start(name);
    if (typeof wants === "string") t.is(stdout, wants, error?.message ?? stderr);
    else t.regex(stdout, wants, error?.message ?? stderr);
    t.deepEqual(fixture.leftovers(record), []);
  });
}

const refusals: readonly {
  readonly why: string;
  readonly run: Partial<RunConfiguration>;
  readonly code: string;
  readonly says: RegExp;
}[] = [
  {
    why: "a tmpfs on /proc",
    run: { tmpfs: [{ destination: "/proc", options: [] }] },
    code: "WRONG_TYPE",
    says: /mount a tmpfs on "\/proc"/,
  },
  {
    why: "a tmpfs on /dev",
    run: { tmpfs: [{ destination: "/dev", options: [] }] },
    code: "WRONG_TYPE",
    says: /needs "\/dev\/null"/,
  },
  { why: "a group that the image lacks", run: { groups: ["nope"] }, code: "RUNTIME_FAILED", says: /has no such group/ },
  {
    why: "a device that is missing",
    run: { devices: [{ source: "/dev/nope", destination: "/dev/nope", access: "rwm" }] },
    code: "SOURCE_MISSING",
    says: /no such device/,
  },
  {
    why: "a device that is none",
    run: { devices: [{ source: "/etc/passwd", destination: "/dev/x", access: "rwm" }] },
    code: "WRONG_TYPE",
    says: /it is no device/,
  },
  {
    why: "an image for another processor",
    run: { platform: { os: "linux", architecture: process.arch === "s390x" ? "amd64" : "s390x" } },
    code: "UNSUPPORTED",
    says: /the image is for linux\/(s390x|amd64), and this machine is linux\//,
  },
  {
    why: "an image for another system",
    run: { platform: { os: "windows", architecture: "amd64" } },
    code: "UNSUPPORTED",
    says: /windows/,
  },
  {
    why: "the processes of an unknown container",
    run: { namespaces: { pid: "container:nope" } },
    code: "TARGET_UNKNOWN",
    says: /none by that name/,
  },
];

for (const { why, run, code, says } of refusals) {
  runtimeTest(`run() refuses ${why}, and leaves nothing`, (t) => {
    const name = nextName();
    const record = fixture.create(name, {
      ...run,
      volumes: [{ source: `of-${name}`, destination: "/v", readOnly: false, named: true }],
    });
    const { error } = fixture.start(name);
    t.is(error?.code, code);
    t.regex(error?.message ?? "", says);
    t.is(fixture.status(name)?.state, "created");
    t.deepEqual(fixture.leftovers(record), []);
    t.false(existsSync(path.join(fixture.folder, "volumes", `of-${name}`)), "a volume is made with the first process on it");
  });
}

/** An orphan of process 1 that ends, told by its sibling; process 1 is a sleep, which waits for nobody. */
const ORPHAN = "(sleep 0.05 &); (sleep 0.4; grep -h State: /proc/[0-9]*/status) & exec sleep 0.8";

initTest("run() with an init leaves no zombie where there is one without", (t) => {
  t.regex(fixture.run(nextName(), shell(ORPHAN)).stdout, /zombie/);
  const { stdout } = fixture.run(nextName(), { ...shell(ORPHAN), init: true });
  t.regex(stdout, /sleeping/);
  t.notRegex(stdout, /zombie/);
});

initTest("run() with an init gives the command's exit code, and its tree no file", (t) => {
  const record = fixture.create(nextName(), { ...shell("readlink /proc/1/exe; exit 7"), init: true });
  const { stdout, result } = fixture.start(record.name);
  t.is(stdout, "/dev/init\n");
  t.is(result?.exitCode, 7);
  t.false(existsSync(path.join(fixture.upper(record), "dev")));
});

// Alone: others in this file hold the process up while they wait for theirs.
initTest.serial("an init hands the stop signal on", async (t) => {
  const script = "trap 'echo asked; exit 3' USR1; echo ready; while :; do sleep 0.05; done";
  const { name } = fixture.create(nextName(), { ...shell(script), init: true, stop: { signal: os.constants.signals.SIGUSR1 } });
  const child = fixture.begin({ action: "run", name });
  let output = "";
  child.stdout!.on("data", (bytes: Buffer) => (output += bytes.toString()));
  await until(() => output.includes("ready"), "it runs");
  fixture.act({ action: "stop", name, milliseconds: 10_000 });
  t.is(await ended(child), 0);
  t.is(output, "ready\nasked\n");
  t.is(fixture.status(name)?.record.exitCode, 3);
});

runtimeTest.serial("run() joins the namespaces of a container that runs, and no other's", async (t) => {
  const { name } = fixture.create(nextName(), shell("echo ready; exec sleep 30"));
  const child = fixture.begin({ action: "run", name });
  let output = "";
  child.stdout!.on("data", (bytes: Buffer) => (output += bytes.toString()));
  await until(() => output.includes("ready"), "it runs");
  const pid = fixture.status(name)!.pid!;
  const other = `container:${name}`;
  const { stdout } = fixture.run(nextName(), {
    ...shell(
      "readlink /proc/self/ns/pid /proc/self/ns/ipc /proc/self/ns/uts; grep -c sleep /proc/1/comm; readlink /proc/self/ns/mnt",
    ),
    namespaces: { pid: other, ipc: other, uts: other },
  });
  const own = (type: string): string => readlinkSync(`/proc/${pid}/ns/${type}`);
  const lines = stdout.trimEnd().split("\n");
  t.deepEqual(lines.slice(0, 4), [own("pid"), own("ipc"), own("uts"), "1"]);
  t.not(lines[4], own("mnt"));
  fixture.act({ action: "stop", name });
  await ended(child);
  const late = fixture.run(nextName(), { namespaces: { ipc: other } });
  t.is(late.error?.code, "CONTAINER_STOPPED");
});

const volume = (name: string, destination: string, more: object = {}): RunConfiguration["volumes"][number] => ({
  source: name,
  destination,
  readOnly: false,
  named: true,
  ...more,
});

runtimeTest("a new volume gets what the image holds at its place, and is shared from then on", (t) => {
  const volumes = [volume("shared", "/data")];
  const first = fixture.run(nextName(), {
    ...shell("cat /data/one-name; stat -c %h /data/one-name; readlink /data/dangling; rm /data/script-1; echo new > /data/new"),
    volumes,
  });
  t.is(first.stdout, "of two names\n2\n/absent\n", first.error?.message ?? first.stderr);
  const second = fixture.run(nextName(), {
    ...shell("cat /data/new; ls /data/script-1 2>&1 | grep -c No; [ -e /bin/sh ] && echo own"),
    volumes,
  });
  t.is(second.stdout, "new\n1\nown\n");
  t.is(readFileSync(path.join(fixture.folder, "volumes/shared/data/new"), "utf8"), "new\n");
});

runtimeTest("a new volume has the owner, mode and time of the image's directory", (t) => {
  const record = fixture.create(nextName(), { ...shell("stat -c '%u %g %a %Y' /own"), volumes: [volume("own", "/own")] });
  const own = path.join(fixture.upper(record), "own");
  mkdirSync(own, { mode: 0o700 });
  writeFileSync(path.join(own, "file"), "x");
  chownSync(own, 1000, 50);
  utimesSync(own, 5, 86_400);
  const { stdout, error } = fixture.start(record.name);
  t.is(stdout, "1000 50 700 86400\n", error?.message);
});

runtimeTest("a volume given with nocopy begins empty, and one that holds something stays as it is", (t) => {
  const empty = fixture.run(nextName(), {
    ...shell("ls /data; echo mine > /data/mine"),
    volumes: [volume("bare", "/data", { noCopy: true })],
  });
  t.is(empty.stdout, "");
  t.is(fixture.run(nextName(), { ...shell("ls /data"), volumes: [volume("bare", "/data")] }).stdout, "mine\n");
});

runtimeTest("a read-only volume is so with all that is mounted in it, and a shallow one leaves that out", (t) => {
  const source = temporaryDirectory(t);
  const nested = new ContainerFixture(`mkdir -p ${source}/sub && mount -t tmpfs none ${source}/sub && touch ${source}/sub/inner`);
  try {
    const script = shell("ls /s/sub; (echo x > /s/sub/y) 2>/dev/null || echo refused");
    const { stdout } = nested.run(nextName(), { ...script, volumes: [{ source, destination: "/s", readOnly: true }] });
    t.is(stdout, "inner\nrefused\n");
    const shallow = nested.run(nextName(), {
      ...script,
      volumes: [{ source, destination: "/s", readOnly: true, shallow: true }],
    });
    t.is(shallow.stdout, "refused\n");
  } finally {
    nested.dispose();
  }
});
