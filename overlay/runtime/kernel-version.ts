import os from "node:os";

/** Whether a kernel is of a version, such as `5.12`, or a later one. @param kernel `uname -r`. */
export function isKernelFrom(wanted: string, kernel: string = os.release()): boolean {
  const [major = 0, minor = 0] = kernel.split(".", 2).map((part) => parseInt(part, 10));
  const [least = 0, then = 0] = wanted.split(".", 2).map((part) => parseInt(part, 10));
  return major > least || (major === least && minor >= then);
}
