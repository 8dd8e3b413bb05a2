import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { MNT_DETACH, mount, unmount } from "../linux/mount.js";
import { MountBuilder } from "../linux/mount-builder.js";
import { enterPrivateMountNamespace } from "../linux/namespaces.js";
import { isInUserNamespace } from "../linux/user-namespace.js";
import { withProbeFolder } from "./probe-folder.js";
import { cgroupMounts, freezerOf, makeFreezerGroup, mayMakeCgroups } from "./runtime/cgroups.js";
import { networkProbes } from "./network/probe-networks.js";
import { findExecutable } from "./rootfs/executable-search.js";
import { mountImage } from "./mounts/image-mount.js";
import { mountOverlay, OVERLAY_FEATURES } from "./mounts/overlay-mount.js";
import { probeRuntime, runtimeCandidates } from "./runtime/runtime-probe.js";
import { seccompProfile } from "./runtime/seccomp-profile.js";
import { tinyImage } from "./mounts/tiny-image.js";
import { idsOfUser } from "./rootless/probe-ids.js";
import { requireConmon } from "./supervisor/conmon.js";

/** One thing that containers need of the machine, tried out. */
export interface Probe {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, or why it does not work. */
  readonly detail: string;
  /** What to do, when it does not work. */
  readonly hint: string | undefined;
}

const PRIVILEGE_HINT = "Containers need root with CAP_SYS_ADMIN: run as root, or in a container add that capability.";

type Finding = Omit<Probe, "name">;

/**
 * Tries everything that containers need, for real, and leaves nothing behind. Without privileges the probes fail, each with its
 * hint; none throws.
 *
 * @param folder Where a small file is written for a moment: best on the store's filesystem, since not every one can hold images.
 */
export function probeMachine(folder: string = os.tmpdir()): readonly Probe[] {
  return [
    probe("kernel", kernel, ""),
    probe("mount namespace", mountNamespace, PRIVILEGE_HINT),
    probe("overlayfs", overlayfs, 'Load the module with "modprobe overlay", or use a kernel with CONFIG_OVERLAY_FS.'),
    probe(
      "erofs",
      () => erofs(folder),
      'Load the module with "modprobe erofs". Linux 6.12 or newer mounts layer images without loop devices.',
    ),
    probe(
      "user namespace",
      userNamespace,
      "Allow them with the sysctl user.max_user_namespaces; only use without root needs them.",
    ),
    ...(isInUserNamespace() ? [probe("ids of this user", idsOfUser, "")] : []),
    probe("cgroups", cgroups, "Mount the cgroup filesystem writable; without it containers have no limits and can't be paused."),
    probe("freezer", freezer, "Committing a running container needs a writable cgroup freezer; stop the container first."),
    probe("seccomp", seccomp, "Use a kernel with CONFIG_SECCOMP_FILTER."),
    ...runtimes(),
    probe("conmon", conmon, "Containers in the background need it: install the package anew."),
    ...networkProbes().map(({ name, find }) => probe(name, find, "Containers on networks need it.")),
  ];
}

function conmon(): string {
  const program = requireConmon();
  const { stdout, status } = spawnSync(program, ["--version"], { encoding: "utf8" });
  if (status !== 0) throw new TypeError(`${program} does not start`);
  return `${stdout.split("\n")[0] ?? ""}, ${program}`;
}

function probe(name: string, find: () => Finding | string, hint: string): Probe {
  try {
    const found = find();
    return { name, ...(typeof found === "string" ? { ok: true, detail: found, hint: undefined } : found) };
  } catch (error) {
    const { message, hint: own } = error as { message: string; hint?: string };
    const isForbidden = /\bunshare: EPERM\b/.test(message);
    return { name, ok: false, detail: message, hint: own ?? (isForbidden ? PRIVILEGE_HINT : hint) };
  }
}

function kernel(): Finding {
  const [major = 0, minor = 0] = os.release().split(".").map(Number);
  const ok = major > 5 || (major === 5 && minor >= 6);
  return {
    ok,
    detail: `${os.type()} ${os.release()} ${os.machine()}`,
    hint: ok ? undefined : "Linux 5.6 or newer is needed, 6.12 or newer is best.",
  };
}

function mountNamespace(): string {
  enterPrivateMountNamespace();
  return "private mounts that end with the process";
}

function overlayfs(): string {
  return inPrivateFolder((folder) => {
    for (const name of ["lower", "upper", "work", "root"]) mkdirSync(path.join(folder, name));
    const step = { lower: [`${folder}/lower`], upper: `${folder}/upper`, work: `${folder}/work`, target: `${folder}/root` };
    const form = isInUserNamespace() ? ({ userXattrs: true } as const) : {};
    mountOverlay({ kind: "overlay", ...step, withoutDevices: false, ...form });
    const options =
      readFileSync("/proc/self/mountinfo", "latin1")
        .split("\n")
        .find((line) => line.includes(` ${folder}/root `)) ?? "";
    unmount(`${folder}/root`, MNT_DETACH);
    const taken = [...OVERLAY_FEATURES.map(([name, value]) => `${name}=${value}`), "userxattr"].filter((option) =>
      options.includes(option),
    );
    const appends = canAppendLayers() ? ["layers one by one"] : [];
    return `mounted; ${[...taken, ...appends].join(", ") || "without extra features"}`;
  });
}

/** Linux 6.7: more layers than a page of options holds. */
function canAppendLayers(): boolean {
  const builder = new MountBuilder("overlay");
  try {
    return builder.trySet("lowerdir+", "/");
  } finally {
    builder.close();
  }
}

function erofs(parent: string): string {
  if (isInUserNamespace()) return "not for ordinary users: layers are unpacked once";
  enterPrivateMountNamespace();
  return withProbeFolder(({ path: folder }) => {
    const [image, target] = [path.join(folder, "image"), path.join(folder, "root")];
    writeFileSync(image, tinyImage());
    mkdirSync(target);
    mountImage({ kind: "image", image, devices: [], target });
    const source =
      readFileSync("/proc/self/mountinfo", "latin1")
        .split("\n")
        .find((line) => line.includes(` ${target} `)) ?? "";
    unmount(target, MNT_DETACH);
    return source.includes("/dev/loop") ? "mounts images through loop devices, none that refer to others" : "mounts image files";
  }, parent);
}

/** A tmpfs that nobody else sees. */
function inPrivateFolder<T>(work: (folder: string) => T): T {
  enterPrivateMountNamespace();
  return withProbeFolder(({ path: folder }) => {
    mount({ source: "varve", target: folder, type: "tmpfs" });
    try {
      return work(folder);
    } finally {
      unmount(folder, MNT_DETACH);
    }
  });
}

function userNamespace(): Finding | string {
  if (isInUserNamespace()) return "this command runs in one";
  const program = findExecutable("unshare");
  if (program === undefined) return { ok: false, detail: "there is no unshare(1) to try it with", hint: "Install util-linux." };
  const { status, stderr } = spawnSync(program, ["--user", "--map-root-user", "true"], { encoding: "utf8", timeout: 5000 });
  return status === 0
    ? "can be made"
    : { ok: false, detail: stderr.trim(), hint: "Only use without root needs them: sysctl user.max_user_namespaces." };
}

function cgroups(): Finding | string {
  const mounts = cgroupMounts();
  const first = mounts
    .filter(({ version }) => version === 1)
    .flatMap(({ controllers }) => controllers)
    .filter((name) => !WORDS.has(name));
  const second = mounts
    .filter(({ version }) => version === 2)
    .map((each) => readFileSync(`${each.path}/cgroup.controllers`, "latin1").trim());
  if (mounts.length === 0) return { ok: false, detail: "none is mounted", hint: "Mount cgroup2 on /sys/fs/cgroup." };
  const parts = [
    first.length > 0 ? `version 1: ${first.join(" ")}` : "",
    second.length > 0 ? `version 2: ${second.join(" ") || "no controllers"}` : "",
  ];
  return parts.filter(Boolean).join("; ");
}

/** Mount options that are no controllers. */
const WORDS: ReadonlySet<string> = new Set(["rw", "ro", "relatime", "nosuid", "nodev", "noexec", "xattr"]);

function freezer(): Finding | string {
  if (isInUserNamespace() && !mayMakeCgroups()) {
    return {
      ok: false,
      detail: "not for this user",
      hint: "Limits and pauses need root here; a running container is committed while it writes.",
    };
  }
  return withProbeFolder(({ cgroup }) => {
    makeFreezerGroup(cgroup);
    const found = freezerOf(cgroup);
    if (found === undefined || !found.freeze() || !found.isFrozen()) throw new TypeError("a cgroup can be made but not frozen");
    found.thaw();
    return "processes can be paused";
  });
}

function seccomp(): Finding {
  const actions = readFileSync("/proc/sys/kernel/seccomp/actions_avail", "latin1").trim();
  const profile = seccompProfile(process.arch, []) !== undefined;
  const detail = `actions ${actions}; ${profile ? "a profile" : "no profile"} for ${process.arch}`;
  return {
    ok: actions.includes("errno") && profile,
    detail,
    hint: profile ? undefined : "Containers run without a system call filter here.",
  };
}

function runtimes(): readonly Probe[] {
  const probes = runtimeCandidates().map((candidate): Probe => {
    const { runtime, works, detail } = probeRuntime(candidate);
    const name = ["runtime", runtime.name, ...runtime.options].join(" ");
    const found = runtime.cgroups ? "starts a process" : "starts a process, without limits and pauses";
    return {
      name,
      ok: works,
      detail: works ? `${runtime.path} ${found}` : `${runtime.path}: ${detail}`,
      hint: works ? undefined : "One runtime that works is enough.",
    };
  });
  if (probes.length > 0) return probes;
  return [
    {
      name: "runtime",
      ok: false,
      detail: "there is neither crun nor runc",
      hint: 'Install one, such as with "apt-get install runc".',
    },
  ];
}
