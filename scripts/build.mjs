// Builds build/ (one file a module, for tests and benchmarks) and dist/ (the bundled command). Types are checked apart, by `npm run types`.
//
// node scripts/build.mjs [--clean]      --clean removes old output first: a deleted test must not run on from an old build
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const FOLDERS = ["cli", "core", "linux", "overlay", "store", "test", "bench"];
const ENTRY = "cli/main.ts";
const SHEBANG = "#!/usr/bin/env node\n";
/** Packages in CommonJS call `require` for Node's own modules, which an ES module lacks. */
const REQUIRE =
  'import { createRequire as varveCreateRequire } from "node:module";\nconst require = varveCreateRequire(import.meta.url);';

const shared = { platform: "node", target: "node20.19", format: "esm", logLevel: "warning" };

process.chdir(path.resolve(new URL("..", import.meta.url).pathname));
if (process.argv.includes("--clean")) for (const folder of ["build", "dist"]) rmSync(folder, { recursive: true, force: true });
await buildModules();
await buildBundle().catch(() => console.error("build: dist/ is as it was: the bundle can't be made, see above"));

async function buildModules() {
  await build({ ...shared, entryPoints: FOLDERS.flatMap(typescriptFiles), outdir: "build", outbase: ".", sourcemap: "inline" });
}

/** Splitting keeps what a command does not need out of its start; koffi's native part can't be bundled. */
async function buildBundle() {
  const { outputFiles, metafile } = await build({
    ...shared,
    entryPoints: { varve: ENTRY },
    outdir: "dist",
    entryNames: "[name]",
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    external: ["koffi"],
    alias: { "string-width": "./cli/string-width.ts" },
    banner: { js: REQUIRE },
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    metafile: true,
    write: false,
  });
  mkdirSync("dist/chunks", { recursive: true });
  // The entry comes last: whoever starts it during a build finds its chunks.
  for (const file of outputFiles.sort((a, b) => b.path.length - a.path.length)) {
    const isEntry = path.basename(file.path) === "varve.js";
    replaceFile(file.path, isEntry ? SHEBANG + file.text.replace(/^#!.*\n/, "") : file.text, isEntry ? 0o755 : 0o644);
  }
  replaceFile("dist/THIRD-PARTY-LICENSES.txt", licenceTexts(Object.keys(metafile.inputs)), 0o644);
}

/** What the bundled packages ask for: their notices go with every copy. */
function licenceTexts(inputs) {
  const folders = new Set(inputs.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter(Boolean));
  return [...folders]
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
      const notice = readdirSync(folder).find((file) => /^(licen[cs]e|copying)/i.test(file));
      const text = notice === undefined ? "" : readFileSync(path.join(folder, notice), "utf8").trim();
      return `${name} ${version} (${license})\n\n${text}\n`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}

function replaceFile(file, text, mode) {
  const scratch = `${file}.${process.pid}`;
  writeFileSync(scratch, text);
  chmodSync(scratch, mode);
  renameSync(scratch, file);
}

/** @param {string} folder */
function typescriptFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => path.join(entry.parentPath, entry.name));
}
