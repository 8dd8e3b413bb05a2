import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ExecutionContext } from "ava";

/** A new directory, removed after the test. By rm(1), which removes what is deeper than a path can say. */
export function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), "varve-test-"));
  t.teardown(() => execFileSync("rm", ["-rf", "--", directory]));
  return directory;
}
