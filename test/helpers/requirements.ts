import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test, { type TestFn } from "ava";
import { whyNoDocker } from "./local-docker.js";
import { mayUseTunnels, ordinaryUser, whyNotAs } from "./ordinary-user.js";

/**
 * What a test needs of the machine. Any other text is the name of a command that must be found, such as `fsck.erofs`.
 *
 * - `root`: user id 0
 * - `mounts`: root that may mount, in a mount namespace of its own
 * - `erofs`, `overlay`: `mounts`, and a kernel with that filesystem
 * - `oci-runtime`: `mounts`, and runc or crun
 * - `ordinary-user`: root, and a user with ids in /etc/subuid who may make user namespaces
 * - `user-tunnels`: `ordinary-user`, who may make network devices by /dev/net/tun
 * - `false-sizes`: files of /sys whose size is not what can be read of them
 * - `immutable-files`: root, chattr(1), and a filesystem below the temporary directory that has them
 * - `oci-schemas`: the JSON schemas of OCI's images, which a package of Debian has
 * - `docker-daemon`: `mounts`, docker, and a dockerd that starts
 * - `no-shared-store`: nothing at `/var/lib/varve`, where root's shared store is by default
 */
export type Requirement =
  | "root"
  | "mounts"
  | "erofs"
  | "overlay"
  | "oci-runtime"
  | "ordinary-user"
  | "user-tunnels"
  | "false-sizes"
  | "immutable-files"
  | "oci-schemas"
  | "docker-daemon"
  | "no-shared-store"
  | (string & {});

/** The kernel says 4096 bytes of each file in it. */
export const FALSE_SIZES = "/sys/kernel/mm/transparent_hugepage";

/** Where Debian has them. */
export const OCI_SCHEMAS = "/usr/share/gocode/src/github.com/opencontainers/image-spec/schema";

const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const answers = new Map<Requirement, string | undefined>();

/**
 * `test`, when this machine has all that is required. Else a `test` that skips, and says in the title what is missing, so that
 * the reason stands in every report. Hooks are skipped with it.
 *
 * @example
 * testIf("root", "fsck.erofs")("publish() writes an image that fsck.erofs accepts", (t) => { … });
 */
export function testIf<Context = unknown>(...requirements: readonly Requirement[]): TestFn<Context> {
  const reason = missing(...requirements);
  return (reason === undefined ? test : skippingTest(reason)) as TestFn<Context>;
}

/** @returns Why this machine can't run what needs `requirements`; `undefined` when it can. */
export function missing(...requirements: readonly Requirement[]): string | undefined {
  for (const requirement of requirements) {
    if (!answers.has(requirement)) answers.set(requirement, probe(requirement));
    const answer = answers.get(requirement);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function probe(requirement: Requirement): string | undefined {
  switch (requirement) {
    case "root":
      return process.getuid?.() === 0 ? undefined : "needs root";
    case "mounts":
      return missing("root") ?? (canMount() ? undefined : "needs the right to mount (CAP_SYS_ADMIN)");
    case "erofs":
    case "overlay":
      return missing("mounts") ?? (hasFilesystem(requirement) ? undefined : `needs ${requirement} in the kernel`);
    case "oci-runtime":
      return missing("mounts") ?? (hasCommand("runc") || hasCommand("crun") ? undefined : "needs runc or crun");
    case "ordinary-user":
      return missing("root", "setpriv", "unshare", "newuidmap") ?? lacksOrdinaryUser();
    case "user-tunnels":
      return (
        missing("ordinary-user") ?? (mayUseTunnels(ordinaryUser()!) ? undefined : "needs a /dev/net/tun that all users may open")
      );
    case "false-sizes":
      return existsSync(FALSE_SIZES) ? undefined : `needs ${FALSE_SIZES}`;
    case "immutable-files":
      return missing("root", "chattr") ?? (canBeImmutable() ? undefined : "needs a filesystem with immutable files");
    case "oci-schemas":
      return existsSync(OCI_SCHEMAS) ? undefined : "needs the package golang-github-opencontainers-image-spec-dev";
    case "docker-daemon":
      return missing("mounts", "dockerd", "docker") ?? whyNoDocker();
    case "no-shared-store":
      return existsSync("/var/lib/varve") ? "needs a machine without /var/lib/varve" : undefined;
    default:
      return hasCommand(requirement) ? undefined : `needs the command ${requirement}`;
  }
}

function lacksOrdinaryUser(): string | undefined {
  const user = ordinaryUser();
  return user === undefined ? "needs the user that scripts/prepare-machine.mjs makes" : whyNotAs(user);
}

function canBeImmutable(): boolean {
  const folder = mkdtempSync(path.join(os.tmpdir(), "varve-immutable-"));
  const isSet = spawnSync("chattr", ["+i", folder], { stdio: "ignore" }).status === 0;
  spawnSync("chattr", ["-i", folder], { stdio: "ignore" });
  rmdirSync(folder);
  return isSet;
}

function canMount(): boolean {
  return spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"], { stdio: "ignore" }).status === 0;
}

function hasFilesystem(name: string): boolean {
  const known = (): boolean => readFileSync("/proc/filesystems", "utf8").split(/\s+/).includes(name);
  if (known()) return true;
  spawnSync("modprobe", [name], { stdio: "ignore" });
  return known();
}

function hasCommand(name: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(":"), ...SYSTEM_FOLDERS];
  return folders.some((folder) => isExecutable(path.join(folder, name)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The shape in which ava's `test` is called: a title and a body, or a macro that makes its own title. */
interface Macro {
  readonly title?: (title: string | undefined, ...values: readonly unknown[]) => string;
}

function skippingTest(reason: string): TestFn {
  const skip = (first: string | Macro, ...rest: readonly unknown[]): void => {
    const macro = typeof first === "string" ? (rest[0] as Macro) : first;
    const values = typeof first === "string" ? rest.slice(1) : rest;
    const given = typeof first === "string" ? first : undefined;
    const title = macro.title?.(given, ...values) ?? given ?? "untitled";
    test.skip(`${title} [skipped: ${reason}]`, () => undefined);
  };
  const hook = Object.assign(() => undefined, { always: () => undefined, skip: () => undefined });
  const hooks = { before: hook, after: hook, beforeEach: hook, afterEach: hook };
  const variants = { skip, todo: test.todo, macro: test.macro, meta: test.meta, ...hooks };
  const serial = Object.assign(skip.bind(undefined), variants);
  return Object.assign(skip, variants, { serial, failing: skip, only: skip }) as unknown as TestFn;
}
