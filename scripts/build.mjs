// Builds build/ (one file a module, for tests and benchmarks) and dist/ (the bundled command). Types are checked apart, by `npm run types`.
//
// node scripts/build.mjs [--clean]      --clean removes old output first: a deleted test must not run on from an old build
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const FOLDERS = ["cli", "core", "linux", "overlay", "store", "test", "bench"];
const ENTRY = "cli/main.ts";
/**
 * A shell reads the second line as a command, Node as a text that it passes over. Without "--" Node takes an --env-file of its own from anywhere
 * among our words: it would end where the file is missing, and set its variables for varve. `env -S` is not everywhere.
 *
 * Node reads certificates of NODE_EXTRA_CA_CERTS when it starts, 40 ms for those of a whole system: core/held-certificates.ts has the rest.
 */
const HOLD_CERTIFICATES =
  '[ -z "$NODE_EXTRA_CA_CERTS" ] || { export VARVE_HELD_CA_CERTS="$NODE_EXTRA_CA_CERTS"; unset NODE_EXTRA_CA_CERTS; }';
const SHEBANG = `#!/bin/sh\n":" //; ${HOLD_CERTIFICATES}; exec node -- "$0" "$@"\n`;
/**
 * What CommonJS lacks, before each program: `import.meta.url`, and built-in modules that are loaded when they are first used. Node
 * compiles them at each start that loads them, 0.3 to 3 ms each, and most commands need few. Its own `performance` brings ten of them.
 */
const PREAMBLE = [
  'const varveHere = { get url() { return require("node:url").pathToFileURL(__filename).href; } };',
  "const varveLater = (name, loaded) =>",
  '  new Proxy({}, { get: (_, key) => ((loaded ??= require(name)), key === "default" ? loaded : loaded[key]) });',
  "const performance = { now: () => { const [s, ns] = process.hrtime(); return s * 1e3 + ns / 1e6; } };",
  'const varvePath = { ...require("node:path"), default: require("node:path") };\n',
].join("\n");
const LOADED_LATER =
  "(?:node:)?(?:child_process|crypto|events|http|https|net|os|stream|timers/promises|tls|tty|url|util|worker_threads|zlib)";
/** esbuild's function for a module that is imported as a whole, whatever its short name is. */
const AS_MODULE = "=[\\w$]+";
/** @type {readonly (readonly [RegExp, string])[]} */
const IMPORTS = [
  [new RegExp(`=require\\("(${LOADED_LATER})"\\)`, "g"), '=varveLater("$1")'],
  [new RegExp(`${AS_MODULE}\\(require\\("(${LOADED_LATER})"\\),1\\)`, "g"), '=varveLater("$1")'],
  // Each importer would get a copy of the module, name by name.
  [new RegExp(`${AS_MODULE}\\(require\\("node:path"\\),1\\)`, "g"), "=varvePath"],
];

const shared = { platform: "node", target: "node20.19", logLevel: "warning" };

process.chdir(path.resolve(new URL("..", import.meta.url).pathname));
if (process.argv.includes("--clean")) for (const folder of ["build", "dist"]) rmSync(folder, { recursive: true, force: true });
await buildModules();
await buildBundle();
for (const kind of ["trees", "containers"]) compileAhead(kind);
await (await import("./man-pages.mjs")).writeManPages("dist/man");

async function buildModules() {
  const entryPoints = FOLDERS.flatMap(typescriptFiles);
  const options = { ...shared, entryPoints, outdir: "build", outbase: ".", format: "esm", sourcemap: "inline", write: false };
  for (const { path: file, text } of (await build(options)).outputFiles) {
    mkdirSync(path.dirname(file), { recursive: true });
    // By rename, so that a test which runs meanwhile never loads half a module.
    if (!existsSync(file) || readFileSync(file, "utf8") !== text) replaceFile(file, text, 0o644);
  }
}

/**
 * dist/varve.js answers `--version` alone and loads dist/command-line.js for all else: one file, since each further module of a
 * start costs more than unused code in it. Packages that are imported when they are needed stay apart, in dist/packages/.
 * All of it is CommonJS: Node starts that some milliseconds sooner than ES modules, loads built-in modules when they are first
 * needed, and can keep its compiled form.
 */
async function buildBundle() {
  const packages = new Set();
  const results = [
    await buildProgram("varve", ENTRY, [mainLoadsCommandLine()]),
    await buildProgram("command-line", "cli/command-line.ts", [packagesApart(packages)]),
    // Threads' own entries, which those that start them find beside the program.
    await buildProgram("verify-worker", "store/maintenance/verify-worker.ts", [packagesApart(packages)]),
    await buildProgram("read-ahead-worker", "store/directory/read-ahead-worker.ts", [packagesApart(packages)]),
    await buildProgram("prove-worker", "store/worktree/prove-worker.ts", [packagesApart(packages)]),
  ];
  for (const name of packages) results.push(await buildProgram(`packages/${name}`, name, []));
  // The entry comes last: whoever starts it during a build finds the rest.
  for (const { outputFiles } of results.reverse()) outputFiles.forEach(writeProgram);
  const inputs = results.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  replaceFile("dist/package.json", '{ "type": "commonjs" }\n', 0o644);
  replaceFile("dist/THIRD-PARTY-LICENSES.txt", licenceTexts(inputs), 0o644);
}

function buildProgram(name, entry, plugins) {
  return build({
    ...shared,
    entryPoints: { [name]: entry },
    outdir: "dist",
    bundle: true,
    format: "cjs",
    supported: { "dynamic-import": false },
    define: { "import.meta.url": "varveHere.url" },
    // koffi's native part can't be bundled.
    external: ["koffi"],
    banner: { js: name === "varve" ? "" : PREAMBLE },
    minifyWhitespace: true,
    minifySyntax: true,
    // A third less to read at each start. Stack traces, which nobody sees but for faults of ours, lose their names.
    minifyIdentifiers: true,
    legalComments: "none",
    metafile: true,
    write: false,
    plugins,
  });
}

function mainLoadsCommandLine() {
  return {
    name: "main-loads-command-line",
    setup: ({ onResolve }) =>
      onResolve({ filter: /\/command-line\.js$/ }, () => ({ path: path.resolve("scripts/compiled-program.cjs") })),
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

function writeProgram({ path: file, text: bundled }) {
  mkdirSync(path.dirname(file), { recursive: true });
  const text = IMPORTS.reduce((result, [form, later]) => result.replace(form, later), bundled);
  const name = path.basename(file);
  if (name === "varve.js") replaceFile(file, SHEBANG + text.replace(/^#!.*\n/, ""), 0o755);
  else if (name === "command-line.js") replaceFile(file, asFunction(text), 0o644);
  else replaceFile(file, text, 0o644);
}

/** The form that scripts/compiled-program.cjs loads. The first line says which text it is, for the comparison with the cache. */
function asFunction(text) {
  const digest = createHash("sha256").update(text).digest("hex");
  return `// ${digest}\n(function (exports, require, module, __filename, __dirname) {${text}\n})`;
}

/** A build whose cache can't be made is a slower one: no reason to fail. */
function compileAhead(kind) {
  const cache = `dist/command-line.js.${kind}.cache`;
  const scratch = `${cache}.${process.pid}`;
  const words = ["scripts/compile-ahead.cjs", "dist/command-line.js", scratch, kind];
  const { status, stderr } = spawnSync(process.execPath, words, { stdio: ["ignore", "ignore", "pipe"] });
  if (status === 0) renameSync(scratch, cache);
  else process.stderr.write(`build: no compiled form of dist/command-line.js, commands start slower:\n${stderr}`);
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
