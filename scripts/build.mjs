// Builds dist/ (the bundled command) and build/ (one file a module, for the tests). Types are checked apart, by `npm run types`.
import { rm } from "node:fs/promises";
import { readdirSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const FOLDERS = ["cli", "core", "linux", "overlay", "store", "test", "bench"];

/** @param {string} folder */
function typescriptFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

const shared = { platform: "node", target: "node20.19", format: "esm", logLevel: "warning" };

// A deleted test must not run on from an old build.
if (process.argv.includes("--clean")) await rm("build", { recursive: true, force: true });
await build({
  ...shared,
  entryPoints: FOLDERS.flatMap(typescriptFiles),
  outdir: "build",
  outbase: ".",
  sourcemap: "inline",
});
