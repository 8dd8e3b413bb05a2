import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import type { RunConfiguration } from "../../../core/ports/containers.js";
import { ContainerFixture } from "../container-fixture.js";
import { isByUser, runtimeTest } from "../tested-user.js";

let fixture: ContainerFixture;
runtimeTest.before(() => {
  fixture = new ContainerFixture();
});
runtimeTest.after.always(() => fixture?.dispose());

/** Major and minor number of the disk that the root stands on, or of any. */
const DISK = "254 0";
const shell = (script: string): Partial<RunConfiguration> => ({ command: ["/bin/sh", "-c", script] });
let number = 0;
const nextName = (): string => `box-${++number}`;

/** Of the machine's root alone: an ordinary user has no cgroups, no devices and fewer ids. */
const rootTest = isByUser ? () => undefined : runtimeTest;

interface Fact {
  readonly fact: string;
  readonly run: Partial<RunConfiguration>;
  readonly wants: string | RegExp;
}

const factsOfRoot: readonly Fact[] = [
  {
    fact: "has docker's capabilities and no others",
    run: shell("grep Cap /proc/self/status"),
    wants: /^CapInh:\t0+\nCapPrm:\t0+a80425fb\nCapEff:\t0+a80425fb\nCapBnd:\t0+a80425fb\nCapAmb:\t0+\n$/,
  },
  {
    fact: "can't open the host's disk through a node it makes",
    run: shell(`mknod /x b ${DISK}; head -c 1 /x 2>&1 | grep -o 'not permitted'`),
    wants: "not permitted\n",
  },
  {
    fact: "runs as the highest number that a user can have",
    run: { ...shell("id -u; id -g"), user: "2147483647:2147483647" },
    wants: "2147483647\n2147483647\n",
  },
];
const factsOfUser: readonly Fact[] = [
  {
    fact: "has docker's capabilities but that of making devices, in its user's namespace",
    run: shell("grep Cap /proc/self/status; cat /proc/self/uid_map"),
    wants:
      /^CapInh:\t0+\nCapPrm:\t0+a00425fb\nCapEff:\t0+a00425fb\nCapBnd:\t0+a00425fb\nCapAmb:\t0+\n +0 +[1-9]\d* +1\n +1 +[1-9]\d* +\d{5,}\n$/,
  },
  {
    fact: "can't make a node of the host's disk",
    run: shell(`mknod /x b ${DISK} 2>&1 | grep -o 'not permitted'`),
    wants: "not permitted\n",
  },
  { fact: "makes files of other users", run: shell("echo > /tmp/x; chown 33:50 /tmp/x; stat -c %u:%g /tmp/x"), wants: "33:50\n" },
  {
    fact: "sees the host's network devices in /sys with network host",
    run: { ...shell("ls /sys/class/net/lo > /dev/null && echo seen"), network: "host" },
    wants: "seen\n",
  },
];

const facts: readonly Fact[] = [
  { fact: "is process 1 of its own namespace", run: shell("echo $$"), wants: "1\n" },
  { fact: "has the hostname it was given", run: shell("hostname; cat /etc/hostname; echo $HOSTNAME"), wants: "box\nbox\nbox\n" },
  { fact: "has the loopback device alone", run: shell("ls /sys/class/net"), wants: "lo\n" },
  {
    fact: "sees the host's devices with network host",
    run: { ...shell("ls /proc/self/net/dev; cat /proc/self/net/dev | wc -l"), network: "host" },
    wants: /\/dev\n/,
  },
  {
    fact: "stands under a seccomp filter",
    run: shell("grep -E 'Seccomp:|NoNewPrivs' /proc/self/status"),
    wants: "NoNewPrivs:\t1\nSeccomp:\t2\n",
  },
  {
    fact: "reads nothing from /proc/kcore",
    run: shell("head -c 4 /proc/kcore | wc -c; ls /sys/firmware | wc -l"),
    wants: "0\n0\n",
  },
  {
    fact: "can't write to /sys/fs/cgroup, neither above nor in the groups",
    run: shell(
      "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do (echo x > $d/tasks || mkdir $d/more) 2>/dev/null && echo $d; done; echo refused",
    ),
    wants: "refused\n",
  },
  {
    fact: "can't write to /proc/sys",
    run: shell("(echo x > /proc/sys/kernel/hostname) 2>/dev/null || echo refused"),
    wants: "refused\n",
  },
  { fact: "can't mount", run: shell("mount -t tmpfs none /tmp 2>/dev/null || echo refused"), wants: "refused\n" },
  {
    fact: "has cgroups mounted read-only",
    run: shell("grep ' cgroup2* ' /proc/self/mounts | grep -v -c ' ro,'; true"),
    wants: "0\n",
  },
  { fact: "sees its own cgroup as the root", run: shell("grep -c varve /proc/self/cgroup; true"), wants: "0\n" },
  {
    fact: "gets the default PATH and HOME",
    run: shell("echo $PATH $HOME"),
    wants: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /root\n",
  },
  {
    fact: "gets the variables it was given",
    run: { ...shell("echo $A $HOME"), environment: ["A=1", "A=2", "HOME=/x"] },
    wants: "2 /x\n",
  },
  { fact: "starts in the working directory", run: { ...shell("echo $PWD"), workingDirectory: "/data" }, wants: "/data\n" },
  {
    fact: "has a working directory made for it",
    run: { ...shell("echo $PWD"), workingDirectory: "/new/folder" },
    wants: "/new/folder\n",
  },
  {
    fact: "runs as a named user with the user's groups",
    run: { ...shell("id -u; id -g; id -G; echo $HOME"), user: "alice" },
    wants: "1000\n1000\n1000 44 50\n/home/alice\n",
  },
  {
    fact: "runs as numbers without groups",
    run: { ...shell("id -u; id -G; grep CapEff /proc/self/status"), user: "77:88" },
    wants: "77\n88\nCapEff:\t0000000000000000\n",
  },
  {
    fact: "can't write to a read-only root",
    run: { ...shell("touch /x 2>/dev/null || echo refused"), readOnly: true },
    wants: "refused\n",
  },
  {
    fact: "has three descriptors and the one that it opens itself",
    run: { command: ["ls", "/proc/self/fd"] },
    wants: "0\n1\n2\n3\n",
  },
  { fact: "gets no input without -i", run: shell("cat; echo end"), wants: "end\n" },
  { fact: "gets its own hosts file", run: shell("cat /etc/hosts"), wants: /127\.0\.0\.1 localhost\n[^]*127\.0\.1\.1 box\n/ },
];

for (const { fact, run, wants } of [...facts, ...(isByUser ? factsOfUser : factsOfRoot)]) {
  runtimeTest(`run() starts a process that ${fact}`, (t) => {
    const { stdout, stderr, result } = fixture.run(nextName(), run);
    if (typeof wants === "string") t.is(stdout, wants, stderr);
    else t.regex(stdout, wants, stderr);
    t.is(result?.exitCode, 0);
  });
}

const exits: readonly { readonly why: string; readonly run: Partial<RunConfiguration>; readonly wants: number | string }[] = [
  { why: "of 7", run: shell("exit 7"), wants: 7 },
  { why: "of 1, which runtimes use for their own failures", run: { command: ["false"] }, wants: 1 },
  { why: "COMMAND_NOT_FOUND for a name that PATH lacks", run: { command: ["absent"] }, wants: "COMMAND_NOT_FOUND" },
  { why: "COMMAND_NOT_FOUND for a path that is not there", run: { command: ["/bin/absent"] }, wants: "COMMAND_NOT_FOUND" },
  { why: "COMMAND_NOT_FOUND for a dangling symlink", run: { command: ["/data/dangling"] }, wants: "COMMAND_NOT_FOUND" },
  {
    why: "COMMAND_NOT_FOUND for a script whose interpreter is not there",
    run: { command: ["/data/no-interpreter"] },
    wants: "COMMAND_NOT_FOUND",
  },
  {
    why: "COMMAND_NOT_EXECUTABLE for a file without permission",
    run: { command: ["/data/not-a-program"] },
    wants: "COMMAND_NOT_EXECUTABLE",
  },
  { why: "COMMAND_NOT_EXECUTABLE for a directory", run: { command: ["/data"] }, wants: "COMMAND_NOT_EXECUTABLE" },
  {
    why: "COMMAND_NOT_EXECUTABLE for bytes that are no program",
    run: { command: ["/data/no-format"] },
    wants: "COMMAND_NOT_EXECUTABLE",
  },
  { why: "of 0 of a script that is five scripts away from a program", run: { command: ["/data/script-5"] }, wants: 0 },
  ...(
    [
      ["COMMAND_NOT_EXECUTABLE for a script that is six away", "/data/script-6"],
      ["COMMAND_NOT_EXECUTABLE for a script that is its own interpreter", "/data/own-interpreter"],
      ["COMMAND_NOT_EXECUTABLE for a program of another processor", "/data/foreign"],
      ["COMMAND_NOT_EXECUTABLE for an ELF file cut off after its magic number", "/data/elf-magic"],
      ["COMMAND_NOT_EXECUTABLE for a script whose interpreter is a directory", "/data/of-directory"],
      ["COMMAND_NOT_EXECUTABLE for a script whose interpreter may not be executed", "/data/of-text"],
      ["COMMAND_NOT_EXECUTABLE for a script whose interpreter is no program", "/data/of-no-format"],
      ["COMMAND_NOT_EXECUTABLE for a program with a slash at its end", "/bin/true/"],
      ["COMMAND_NOT_FOUND for a script whose line ends with a carriage return", "/data/carriage-return"],
    ] as const
  ).map(([why, file]) => ({ why, run: { command: [file] }, wants: why.split(" ", 1)[0]! })),
  {
    why: "RUNTIME_FAILED for a working directory in /proc",
    run: { workingDirectory: "/data/..//proc/self/fd/7" },
    wants: "RUNTIME_FAILED",
  },
  { why: "RUNTIME_FAILED for an unknown user", run: { user: "nobody-here" }, wants: "RUNTIME_FAILED" },
  {
    why: "SOURCE_MISSING for a volume that is not there",
    run: { volumes: [{ source: "/absent", destination: "/v", readOnly: false }] },
    wants: "SOURCE_MISSING",
  },
];

for (const { why, run, wants } of exits) {
  runtimeTest(`run() ends with an exit ${why}`, (t) => {
    const name = nextName();
    const { result, error, stderr } = fixture.run(name, run);
    t.is(stderr, "", "the runtime was not asked");
    t.is(typeof wants === "number" ? result?.exitCode : error?.code, wants as never);
    const status = fixture.status(name)!;
    t.is(status.record.exitCode, typeof wants === "number" ? wants : undefined);
    t.deepEqual(fixture.leftovers(status.record), []);
  });
}

runtimeTest("run() hands standard input through", (t) => {
  const input = "first\nsecond\n".repeat(10_000);
  const { stdout } = fixture.run(nextName(), { command: ["/bin/cat"], interactive: true }, input);
  t.is(stdout, input);
});

runtimeTest("run() keeps standard output and standard error apart", (t) => {
  const { stdout, stderr } = fixture.run(nextName(), shell("echo out; echo err >&2"));
  t.is(stdout, "out\n");
  t.is(stderr, "err\n");
});

runtimeTest("run() without a change leaves the upper directory empty", (t) => {
  const record = fixture.create(nextName(), shell("cat /etc/hosts /etc/resolv.conf > /dev/null"));
  fixture.start(record.name);
  t.deepEqual(readdirSync(fixture.upper(record)), []);
  t.deepEqual(fixture.leftovers(record), []);
});

runtimeTest("run() shows the image's own root attributes", (t) => {
  const { stdout } = fixture.run(nextName(), { command: ["stat", "-c", "%a %u %g %Y", "/"] });
  const { mode, uid, gid, mtimeMs } = statSync(path.join(fixture.folder, "root"));
  const owner = isByUser ? "0 0" : `${uid} ${gid}`;
  t.is(stdout, `${(mode & 0o7777).toString(8)} ${owner} ${Math.floor(mtimeMs / 1000)}\n`);
});

runtimeTest("run() again finds what the run before wrote", (t) => {
  const record = fixture.create(nextName(), shell("cat /tmp/x 2>/dev/null; echo written > /tmp/x"));
  t.is(fixture.start(record.name).stdout, "");
  t.is(fixture.start(record.name).stdout, "written\n");
  t.is(readFileSync(path.join(fixture.upper(record), "tmp/x"), "utf8"), "written\n");
});

runtimeTest("run() mounts volumes, read-only ones read-only, and makes their mount points", (t) => {
  const host = path.join(fixture.folder, "volume");
  mkdirSync(host);
  writeFileSync(path.join(host, "file"), "from the host\n");
  fixture.give(host);
  const volumes = [
    { source: host, destination: "/mnt/rw", readOnly: false },
    { source: host, destination: "/mnt/ro", readOnly: true },
    { source: path.join(host, "file"), destination: "/data/one-file", readOnly: true },
  ];
  const script = "cat /mnt/ro/file /data/one-file; echo new > /mnt/rw/new; touch /mnt/ro/x 2>/dev/null || echo refused";
  const { stdout } = fixture.run(nextName(), { ...shell(script), volumes });
  t.is(stdout, "from the host\nfrom the host\nrefused\n");
  t.is(readFileSync(path.join(host, "new"), "utf8"), "new\n");
});

runtimeTest("run() follows a mount point's symlinks within the container, never to the host", (t) => {
  const host = path.join(fixture.folder, "volume-of-link");
  const outside = path.join(fixture.folder, "outside");
  mkdirSync(host);
  mkdirSync(outside);
  const record = fixture.create(nextName(), {
    ...shell("ls / | grep -c varve-link-target"),
    volumes: [{ source: host, destination: "/link/sub", readOnly: false }],
  });
  fixture.act({ action: "run", name: record.name });
  symlinkSync(`../../../../../..${outside}`, path.join(fixture.upper(record), "other"));
  t.deepEqual(readdirSync(outside), []);
});

runtimeTest("run() refuses a root whose /proc is a symlink", (t) => {
  const record = fixture.create(nextName());
  symlinkSync("/tmp", path.join(fixture.upper(record), "proc"));
  const { error } = fixture.start(record.name);
  t.is(error?.code, "RUNTIME_FAILED");
  t.regex(error?.hint ?? "", /^Make it one, or remove it/);
});

runtimeTest("run() binds nothing over an /etc/hosts that is a symlink", (t) => {
  const record = fixture.create(nextName(), { command: ["readlink", "/etc/hosts"] });
  mkdirSync(path.join(fixture.upper(record), "etc"));
  symlinkSync("/somewhere", path.join(fixture.upper(record), "etc/hosts"));
  fixture.give(fixture.upper(record));
  t.is(fixture.start(record.name).stdout, "/somewhere\n");
});

rootTest("run() keeps to the limit of memory", (t) => {
  const script = "dd if=/dev/zero of=/dev/null bs=200M count=1 2>&1";
  const { result, stderr, error } = fixture.run(nextName(), {
    command: ["/bin/sh", "-c", `${script}; exit $?`],
    limits: { memoryBytes: 64 << 20 },
  });
  t.is(result?.exitCode, 137, JSON.stringify(error) + stderr);
});

rootTest("run() keeps to the limit of processes", (t) => {
  // The threads of the runtime count too, while it starts the process.
  const script = "i=0; while [ $i -lt 100 ]; do sleep 1 & i=$((i + 1)); done; echo all";
  const { stderr } = fixture.run(nextName(), { ...shell(script), limits: { processes: 50 } });
  t.regex(stderr, /fork/);
});

rootTest("run() gives the kernel the quota of processors", (t) => {
  const v2 = existsSync("/sys/fs/cgroup/cgroup.controllers");
  const script = v2 ? "cat /sys/fs/cgroup/cpu.max" : "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us";
  const { stdout } = fixture.run(nextName(), { ...shell(script), limits: { cpus: 0.5 } });
  t.regex(stdout, /^50000\b/);
});

runtimeTest("run() with -t refuses an input that is no terminal", (t) => {
  const { error } = fixture.run(nextName(), { terminal: true, interactive: true }, "text");
  t.is(error?.code, "USAGE");
});

runtimeTest("run() of two containers at once mounts the image once and keeps them apart", (t) => {
  const [one, two] = [1, 2].map((n) => fixture.create(nextName(), shell(`echo ${n} > /tmp/mine; sleep 0.2; cat /tmp/mine`)));
  const { stdout, result } = fixture.act<readonly { exitCode: number }[]>({ action: "runBoth", record: one!, other: two! });
  t.deepEqual(
    result?.map(({ exitCode }) => exitCode),
    [0, 0],
  );
  t.deepEqual(stdout.trim().split("\n").sort(), ["1", "2"]);
});

test("the tests of this file use mounts of a private namespace alone", (t) => {
  t.notRegex(readFileSync("/proc/self/mountinfo", "utf8"), /varve-containers-/);
});
