import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";

/**
 * Runs a script in an image that mount(8) has mounted read-only through a loop device, where nobody else sees it: the mount goes with the script.
 * @param script Of bash, in the filesystem's root. @returns What it prints.
 */
export function inMountedImage(t: ExecutionContext, image: string, script: string): string {
  const place = path.join(path.dirname(image), "mounted");
  mkdirSync(place, { recursive: true });
  const words = ["--mount", "bash", "-ec", `mount -o loop,ro "$1" "$2"; cd "$2"; ${script}`, "bash", image, place];
  const { status, stdout, stderr } = spawnSync("unshare", words, { encoding: "latin1", maxBuffer: 1 << 28 });
  t.is(status, 0, stderr);
  return stdout;
}
