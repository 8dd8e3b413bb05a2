import { VarveError } from "../../core/errors.js";
import type { Isolation } from "../../core/ports/isolation.js";

/** Node's names of processors by Go's, which image configs have. */
const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  amd64: ["x64"],
  "386": ["ia32", "x64"],
  arm64: ["arm64"],
  arm: ["arm", "arm64"],
  ppc64le: ["ppc64"],
  riscv64: ["riscv64"],
  s390x: ["s390x"],
  loong64: ["loong64"],
};

/**
 * Tells before a process is started what else the kernel would say of each program ("exec format error").
 *
 * @param hasOtherFormats Whether this machine may have an emulator for others' programs. @throws VarveError UNSUPPORTED.
 */
export function requirePlatform(
  platform: Isolation["platform"],
  { architecture, hasOtherFormats }: { readonly architecture: string; readonly hasOtherFormats: () => boolean },
): void {
  if (platform === undefined) return;
  const isOwn = ARCHITECTURES[platform.architecture]?.includes(architecture) ?? true;
  if (platform.os === "linux" && (isOwn || hasOtherFormats())) return;
  const [own = architecture] = Object.entries(ARCHITECTURES).find(([, names]) => names[0] === architecture) ?? [];
  throw new VarveError(
    "UNSUPPORTED",
    `Cannot run a process: the image is for ${platform.os}/${platform.architecture}, and this machine is linux/${own}`,
    {
      hint: "Take the image for this machine, or install an emulator that the kernel knows (binfmt_misc), such as qemu-user-static.",
    },
  );
}
