import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { RunConfiguration, Volume } from "../../../core/ports/containers.js";
import { ContainerFixture } from "../container-fixture.js";
import { runtimeTest } from "../tested-user.js";

let fixture: ContainerFixture;
runtimeTest.before(() => {
  fixture = new ContainerFixture();
  mkdirSync(path.join(fixture.folder, "host/directory"), { recursive: true });
  writeFileSync(path.join(fixture.folder, "host/file"), "from the host\n");
});
runtimeTest.after.always(() => fixture?.dispose());

let number = 0;

/** Stand in each container beside the small root's own: whatever an image could hold. */
const LINKS: Readonly<Record<string, string>> = {
  dangling: "/absent",
  loop: "loop",
  out: "../../../../../../tmp/out",
  host: "/proc/1/root/tmp",
  "to-proc": "/proc",
  "to-dev": "/dev",
  "to-root": "/",
  "to-data": "/data",
  "to-file": "/etc/passwd",
};

type Mount = readonly [kind: "directory" | "file", destination: string, readOnly?: boolean];

function volume([kind, destination, readOnly = false]: Mount): Volume {
  return { source: path.join(fixture.folder, "host", kind === "file" ? "file" : ""), destination, readOnly };
}

function start(
  configuration: Partial<RunConfiguration>,
): ReturnType<ContainerFixture["start"]> & { leftovers: readonly string[] } {
  const record = fixture.create(`box-${++number}`, configuration);
  for (const [name, target] of Object.entries(LINKS)) symlinkSync(target, path.join(fixture.upper(record), name));
  const outcome = fixture.start(record.name);
  return { ...outcome, leftovers: fixture.leftovers(record) };
}

const refusals: readonly {
  readonly why: string;
  readonly mounts: readonly Mount[];
  readonly says: RegExp;
  readonly hint: RegExp;
}[] = [
  {
    why: "a dangling symlink",
    mounts: [["directory", "/dangling"]],
    says: /^Cannot mount the volume ".*\/host\/?" on "\/dangling": it is a symlink that leads nowhere in the container$/,
    hint: /^It names "\/absent"/,
  },
  { why: "a dangling symlink, for a file", mounts: [["file", "/dangling"]], says: /: it is a symlink/, hint: /^It names/ },
  { why: "a place below one", mounts: [["directory", "/dangling/x"]], says: /: "\/dangling" is a symlink/, hint: /^It names/ },
  { why: "a symlink to itself", mounts: [["directory", "/loop"]], says: /leads nowhere/, hint: /^It names "loop"/ },
  { why: "a symlink out of the root", mounts: [["directory", "/out"]], says: /leads nowhere/, hint: /never on this machine/ },
  {
    why: "a symlink through /proc to the host",
    mounts: [["directory", "/host"]],
    says: /leads nowhere/,
    hint: /never on this machine/,
  },
  {
    why: "a symlink to /proc",
    mounts: [["directory", "/to-proc"]],
    says: /: it leads to "\/proc", which/,
    hint: /another place/,
  },
  {
    why: "a place in /proc",
    mounts: [["directory", "/proc/x"]],
    says: /: runtimes mount nothing in \/proc$/,
    hint: /another place/,
  },
  {
    why: "a place that /sys lacks",
    mounts: [["directory", "/sys/x"]],
    says: /: the kernel's \/sys has no/,
    hint: /another place/,
  },
  {
    why: "a symlink to the root",
    mounts: [["directory", "/to-root"]],
    says: /on "\/to-root": it leads to the container's root$/,
    hint: /another place/,
  },
  {
    why: "a place in /dev, by a symlink",
    mounts: [["directory", "/to-dev/x"]],
    says: /: it leads to "\/dev\/x", which/,
    hint: /another place/,
  },
  {
    why: "a /dev without devices",
    mounts: [["directory", "/dev"]],
    says: /: every container needs "\/dev\/null"/,
    hint: /below it/,
  },
  {
    why: "a device that runtimes use",
    mounts: [["directory", "/dev/null"]],
    says: /: runtimes need that device as it is$/,
    hint: /another place/,
  },
  { why: "one, by a file", mounts: [["file", "/dev/ptmx"]], says: /: runtimes need that device/, hint: /another place/ },
  { why: "a file", mounts: [["directory", "/etc/passwd"]], says: /: it is no directory$/, hint: /^Choose a directory/ },
  { why: "a symlink to a file", mounts: [["directory", "/to-file"]], says: /: it is no directory$/, hint: /^Choose a directory/ },
  {
    why: "a place below a file",
    mounts: [["directory", "/etc/passwd/x"]],
    says: /: "\/etc\/passwd" is no directory$/,
    hint: /directory/,
  },
  { why: "a directory, for a file", mounts: [["file", "/data"]], says: /: it is a directory$/, hint: /^Choose a file/ },
  {
    why: "a name too long",
    mounts: [["directory", `/${"n".repeat(256)}`]],
    says: /longer than 255 bytes$/,
    hint: /another place/,
  },
  {
    why: "a place below a file of the host",
    mounts: [
      ["file", "/x"],
      ["directory", "/x/y"],
    ],
    says: /: the volume ".*\/file" is mounted on the way there, and is a file$/,
    hint: /another place/,
  },
  {
    why: "a place that a read-only volume lacks",
    mounts: [
      ["directory", "/x", true],
      ["directory", "/x/y"],
    ],
    says: /is mounted around it read-only, and holds no such place$/,
    hint: /^Make ".*\/host\/y" first, or mount .* without :ro/,
  },
];

for (const { why, mounts, says, hint } of refusals) {
  runtimeTest(`run() with a volume on ${why} throws WRONG_TYPE, in our words alone`, (t) => {
    const { error, stdout, stderr, leftovers } = start({ volumes: mounts.map(volume) });
    t.is(error?.code, "WRONG_TYPE", stderr);
    t.regex(error?.message ?? "", says);
    t.regex(error?.hint ?? "", hint);
    t.is(stdout + stderr, "");
    t.deepEqual(leftovers, []);
    t.deepEqual(readdirSync(path.join(fixture.folder, "host")), ["directory", "file"]);
  });
}

const mounted: readonly (readonly [where: string, mount: Mount, shows: string])[] = [
  ["a directory", ["directory", "/data"], "/data/file"],
  ["a symlink to one", ["directory", "/to-data"], "/data/file"],
  ["what is not there", ["directory", "/new/place"], "/new/place/file"],
  ["a file", ["file", "/etc/passwd"], "/etc/passwd"],
  ["a symlink to a file", ["file", "/to-file"], "/etc/passwd"],
  ["a place in /dev", ["directory", "/dev/data"], "/dev/data/file"],
];

for (const [where, mount, shows] of mounted) {
  runtimeTest(`run() mounts a volume on ${where}`, (t) => {
    const { stdout, stderr } = start({ volumes: [volume(mount)], command: ["cat", shows] });
    t.is(stdout, "from the host\n", stderr);
  });
}

for (const [where, says] of [
  ["/dangling", /: it is a symlink that leads nowhere in the container$/],
  ["/etc/passwd", /: it is no directory$/],
  ["/etc/passwd/x", /: "\/etc\/passwd" is no directory$/],
  ["/dev/null", /: "\/dev\/null" is no directory$/],
  ["/to-dev/zero/x", /: "\/dev\/zero" is no directory$/],
  ["/sys/x", /: the kernel's \/sys has no such place/],
] as const) {
  runtimeTest(`run() in the working directory ${where} throws WRONG_TYPE, in our words alone`, (t) => {
    const { error, stderr, leftovers } = start({ workingDirectory: where });
    t.is(error?.code, "WRONG_TYPE", stderr);
    t.regex(error?.message ?? "", says);
    t.is(stderr, "");
    t.deepEqual(leftovers, []);
  });
}

/** Through these a process could stand outside of its container, were a runtime to leave a descriptor open. */
for (const [where, says] of [
  ["/data/..//proc/self/fd/7", /: it is within \/proc$/],
  ["/to-proc/self/fd/7", /: it is within \/proc$/],
  ["/host", /: it is within \/proc$/],
  ["/dev/fd", /: it leads into \/proc, by \/dev\/fd$/],
  ["/dev/fd/7", /by \/dev\/fd$/],
  ["/to-dev/fd/7", /by \/dev\/fd$/],
  ["/dev/stdin", /by \/dev\/stdin$/],
  ["/dev/core", /by \/dev\/core$/],
] as const) {
  runtimeTest(`run() in the working directory ${where} throws RUNTIME_FAILED before a runtime is asked`, (t) => {
    const { error, stderr, leftovers } = start({ workingDirectory: where });
    t.is(error?.code, "RUNTIME_FAILED", stderr);
    t.regex(error?.message ?? "", says);
    t.is(stderr, "");
    t.deepEqual(leftovers, []);
  });
}

for (const where of ["/dev", "/dev/shm/new", "/to-dev/shm", "/sys/kernel", "/to-data"]) {
  runtimeTest(`run() starts a process in the working directory ${where}`, (t) => {
    const { result, error } = start({ workingDirectory: where });
    t.is(result?.exitCode, 0, error?.message);
  });
}
