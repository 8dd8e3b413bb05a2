import type { SeccompCondition, SeccompFile } from "../../core/isolation/seccomp-rules.js";
import { isKernelFrom } from "./kernel-version.js";
import type { SeccompProfile } from "./seccomp-profile.js";

export interface SeccompMachine {
  /** Node's `process.arch`. */
  readonly architecture: string;
  /** The container's bounding set. */
  readonly capabilities: readonly string[];
  /** `uname -r`. */
  readonly kernel?: string;
}

/** By Node's names: Go's, and libseccomp's. */
const ARCHITECTURES: Readonly<Record<string, readonly [go: string, seccomp: string]>> = {
  x64: ["amd64", "SCMP_ARCH_X86_64"],
  ia32: ["386", "SCMP_ARCH_X86"],
  arm64: ["arm64", "SCMP_ARCH_AARCH64"],
  arm: ["arm", "SCMP_ARCH_ARM"],
  ppc64: ["ppc64le", "SCMP_ARCH_PPC64LE"],
  riscv64: ["riscv64", "SCMP_ARCH_RISCV64"],
  s390x: ["s390x", "SCMP_ARCH_S390X"],
  loong64: ["loong64", "SCMP_ARCH_LOONGARCH64"],
};

/** What of a profile in docker's format counts on this machine, for a container with these capabilities. */
export function profileOfFile(file: SeccompFile, machine: SeccompMachine): SeccompProfile {
  const [, own = ""] = ARCHITECTURES[machine.architecture] ?? [];
  const mapped = file.archMap.filter(({ architecture }) => architecture === own);
  return {
    defaultAction: file.defaultAction,
    ...(file.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: file.defaultErrnoRet }),
    architectures: [
      ...file.architectures,
      ...mapped.flatMap(({ architecture, subArchitectures }) => [architecture, ...subArchitectures]),
    ],
    syscalls: file.syscalls
      .filter(({ includes, excludes }) => holds(includes, machine) && !isExcluded(excludes, machine))
      .map(({ names, action, errnoRet, args }) => ({
        names,
        action,
        ...(errnoRet === undefined ? {} : { errnoRet }),
        ...(args.length === 0 ? {} : { args }),
      })),
  };
}

/** All that a condition names must hold, of processors one. */
function holds({ caps, arches, minKernel }: SeccompCondition, machine: SeccompMachine): boolean {
  return (
    caps.every((name) => machine.capabilities.includes(name)) &&
    (arches.length === 0 || isOneOf(arches, machine)) &&
    (minKernel === undefined || isKernelFrom(minKernel, machine.kernel))
  );
}

/** One that holds is enough. */
function isExcluded({ caps, arches, minKernel }: SeccompCondition, machine: SeccompMachine): boolean {
  return (
    caps.some((name) => machine.capabilities.includes(name)) ||
    isOneOf(arches, machine) ||
    (minKernel !== undefined && isKernelFrom(minKernel, machine.kernel))
  );
}

function isOneOf(arches: readonly string[], { architecture }: SeccompMachine): boolean {
  const [name] = ARCHITECTURES[architecture] ?? [];
  return name !== undefined && arches.includes(name);
}
