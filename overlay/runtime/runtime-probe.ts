import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { RunConfiguration } from "../../core/ports/containers.js";
import { MNT_DETACH, mount, MS_BIND, MS_RDONLY, MS_REC, MS_REMOUNT, unmount } from "../../linux/mount.js";
import { enterPrivateMountNamespace } from "../../linux/namespaces.js";
import { isInUserNamespace } from "../../linux/user-namespace.js";
import { withProbeFolder, type ProbeFolder } from "../probe-folder.js";
import { findExecutable } from "../rootfs/executable-search.js";
import { mayMakeCgroups } from "./cgroups.js";
import { runRuntimeToEnd, type OciRuntime } from "./oci-runtime.js";
import { ownNamespace } from "../rootless/own-namespace.js";
import { ownCapabilities } from "./process-privileges.js";
import { runtimeConfiguration } from "./runtime-configuration.js";
import { runtimeErrors } from "./runtime-log.js";

export interface RuntimeProbe {
  readonly runtime: OciRuntime;
  readonly works: boolean;
  /** What it said, when it does not work. */
  readonly detail: string;
}

/** The fastest first. */
const NAMES = ["crun", "runc", "youki"];
const WITHOUT_CGROUPS: Readonly<Record<string, readonly string[]>> = { crun: ["--cgroup-manager=disabled"] };
/** runc goes without cgroups where it may make none, but only for who is not root of the machine. */
const IN_USER_NAMESPACE: typeof WITHOUT_CGROUPS = { ...WITHOUT_CGROUPS, runc: ["--rootless=true"] };
const LONGEST_MILLISECONDS = 20_000;

/** Every way in which a runtime of this machine could be used, the better ones first: those that make cgroups come before the others. */
export function runtimeCandidates(): readonly OciRuntime[] {
  const found = NAMES.flatMap((name) => {
    const file = findExecutable(name);
    return file === undefined ? [] : [{ name, path: file }];
  });
  const withCgroups = isInUserNamespace() && !mayMakeCgroups() ? [] : found;
  return [
    ...withCgroups.map((runtime) => ({ ...runtime, options: [], cgroups: true })),
    ...found.flatMap((runtime) => {
      const options = (isInUserNamespace() ? IN_USER_NAMESPACE : WITHOUT_CGROUPS)[runtime.name];
      return options === undefined ? [] : [{ ...runtime, options, cgroups: false }];
    }),
  ];
}

const CONFIGURATION: RunConfiguration = {
  command: ["/bin/true"],
  environment: [],
  workingDirectory: "/",
  user: "",
  hostname: "probe",
  network: "none",
  terminal: false,
  interactive: false,
  readOnly: true,
  volumes: [],
  limits: {},
};

/**
 * Starts `/bin/true` of the host's own root, read-only, with all that a container gets: namespaces, cgroups, capabilities and
 * the seccomp profile. Leaves nothing behind; when it is killed, the next probe clears up.
 */
export function probeRuntime(runtime: OciRuntime): RuntimeProbe {
  try {
    return withProbeFolder((folder) => tryRuntime(runtime, folder));
  } catch (error) {
    return { runtime, works: false, detail: (error as Error).message };
  }
}

function tryRuntime(runtime: OciRuntime, { path: folder, cgroup: id }: ProbeFolder): RuntimeProbe {
  const paths = {
    state: path.join(folder, "state"),
    bundle: folder,
    pidFile: path.join(folder, "pid"),
    log: path.join(folder, "log"),
  };
  const root = path.join(folder, "root");
  mkdirSync(root);
  enterPrivateMountNamespace();
  // In a user namespace nothing is shown without what is mounted on it.
  const isWhole = isInUserNamespace();
  mount({ source: "/", target: root, type: "none", flags: isWhole ? MS_BIND | MS_REC : MS_BIND });
  try {
    if (!isWhole) mount({ source: "none", target: root, type: "none", flags: MS_BIND | MS_REMOUNT | MS_RDONLY });
    writeFileSync(path.join(folder, "config.json"), configurationText(id, root, runtime));
    const code = runRuntimeToEnd(runtime, paths, id, LONGEST_MILLISECONDS);
    return { runtime, works: code === 0, detail: code === 0 ? "" : whyNot(paths.log, code) };
  } finally {
    unmount(root, MNT_DETACH);
  }
}

function configurationText(id: string, root: string, { cgroups }: OciRuntime): string {
  const user = { uid: 0, gid: 0, groups: [], home: "/" };
  const machine = {
    cgroups,
    limitsSwap: false,
    architecture: process.arch,
    available: ownCapabilities(),
    userNamespace: ownNamespace(),
  };
  const request = { id, root, configuration: CONFIGURATION, user, files: [], ...machine };
  return JSON.stringify(runtimeConfiguration(request));
}

function whyNot(log: string, code: number | undefined): string {
  try {
    const last = runtimeErrors(readFileSync(log, "utf8")).at(-1);
    if (last !== undefined) return last;
  } catch {
    // It wrote no log: it was not even started.
  }
  return code === undefined ? "it did not end in time" : `it ended with status ${code}`;
}
