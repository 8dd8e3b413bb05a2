// Writes dist/man/*.1 from what `--help` prints. Called by build.mjs when build/ stands.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/** @param {string} directory Written anew. */
export async function writeManPages(directory) {
  const [{ COMMANDS }, { mainManPage, manPageOf }] = await Promise.all([
    import("../build/cli/command-table.js"),
    import("../build/cli/man-page.js"),
  ]);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, "varve.1"), mainManPage());
  for (const [name, { load }] of Object.entries(COMMANDS)) {
    writeFileSync(path.join(directory, `varve-${name}.1`), manPageOf(await load()));
  }
}
