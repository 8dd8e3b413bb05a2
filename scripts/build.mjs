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
await buildBundle();

async function buildModules() {
  const entryPoints = FOLDERS.flatMap(typescriptFiles);
  const options = { ...shared, entryPoints, outdir: "build", outbase: ".", sourcemap: "inline", write: false };
  for (const { path: file, text } of (await build(options)).outputFiles) {
    mkdirSync(path.dirname(file), { recursive: true });
    // By rename, so that a test which runs meanwhile never loads half a module.
    if (!existsSync(file) || readFileSync(file, "utf8") !== text) replaceFile(file, text, 0o644);
  }
}

/**
 * dist/varve.js answers `--version` alone and loads dist/command-line.js for all else: one file, since each further module of a
 * start costs more than unused code in it. Packages that are imported when they are needed stay apart, in dist/packages/.
 */
async function buildBundle() {
  const packages = new Set();
  const results = [
    await buildProgram("varve", ENTRY, [mainLoadsCommandLine()]),
    await buildProgram("command-line", "cli/command-line.ts", [packagesApart(packages)]),
    // Threads' own entries, found beside the program by store/maintenance/verify-pool.ts and store/directory/read-ahead.ts.
    await buildProgram("verify-worker", "store/maintenance/verify-worker.ts", [packagesApart(packages)]),
    await buildProgram("read-ahead-worker", "store/directory/read-ahead-worker.ts", [packagesApart(packages)]),
  ];
  for (const name of packages) results.push(await buildProgram(`packages/${name}`, name, []));
  // The entry comes last: whoever starts it during a build finds the rest.
  for (const { outputFiles } of results.reverse()) outputFiles.forEach(writeProgram);
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  replaceFile("dist/THIRD-PARTY-LICENSES.txt", licenceTexts(inputs), 0o644);
}

function buildProgram(name, entry, plugins) {
  return build({
    ...shared,
    entryPoints: { [name]: entry },
    outdir: "dist",
    bundle: true,
    // koffi's native part can't be bundled.
    external: ["koffi"],
    alias: { "string-width": "./cli/string-width.ts" },
    banner: { js: REQUIRE },
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    metafile: true,
    write: false,
    plugins,
  });
}

function mainLoadsCommandLine() {
  return {
    name: "main-loads-command-line",
    setup: ({ onResolve }) => onResolve({ filter: /\/command-line\.js$/ }, ({ path: name }) => ({ path: name, external: true })),
  };
}

function packagesApart(packages) {
  return {
    name: "packages-apart",
    setup: ({ onResolve }) =>
      onResolve({ filter: /^[a-z@]/ }, ({ path: name, kind }) => {
        if (kind !== "dynamic-import" || name.startsWith("node:") || name === "koffi") return undefined;
        packages.add(name);
        return { path: `./packages/${name}.js`, external: true };
      }),
  };
}

function writeProgram({ path: file, text }) {
  mkdirSync(path.dirname(file), { recursive: true });
  const isEntry = path.basename(file) === "varve.js";
  replaceFile(file, isEntry ? SHEBANG + text.replace(/^#!.*\n/, "") : text, isEntry ? 0o755 : 0o644);
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
