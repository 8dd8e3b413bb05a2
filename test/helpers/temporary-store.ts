import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { initStore } from "../../store/init-store.js";
import type { StoreLayout } from "../../store/store-layout.js";

/** An empty directory that goes with the test. */
export function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), "varve-test-"));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A store without a commit, that goes with the test. */
export function temporaryStore(t: ExecutionContext): StoreLayout {
  return initStore(path.join(temporaryDirectory(t), ".varve"));
}
