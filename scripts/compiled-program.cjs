// Part of dist/varve.js. Loads dist/command-line.js in the form that compile-ahead.cjs left beside it: V8's code caches save parsing and
// compiling at each start, a third of a command's time. A cache that this Node refuses (another version, other flags), or that is not
// there, costs that third and nothing else.
const { readFileSync } = require("node:fs");
const { dirname, join } = require("node:path");
const { Script } = require("node:vm");

let commandLine;
exports.runCommandLine = () => {
  commandLine = loadCompiled(join(__dirname, "command-line.js"), kindOfWords(process.argv)).exports;
  return commandLine.runCommandLine();
};
exports.endProcess = (status) => commandLine.endProcess(status);

exports.loadCompiled = loadCompiled;

/** Commands that start processes have a cache of their own: reading one takes as long as it is large, and they share little with others. */
const CONTAINER_WORDS = new Set([
  "run",
  "create",
  "start",
  "exec",
  "ps",
  "stop",
  "kill",
  "rm",
  "logs",
  "wait",
  "inspect",
  "__ended",
]);

/** A guess before the words are read. A wrong one costs some milliseconds. */
function kindOfWords(words) {
  return words.some((word) => CONTAINER_WORDS.has(word)) ? "containers" : "trees";
}

/**
 * @param {string} file Absolute path of CommonJS as a function. It is ASCII (esbuild escapes the rest), and its first line names its text.
 * @param {"containers" | "trees" | undefined} kind Whose cache is used.
 * @returns {{ exports: any, script: Script }}
 */
function loadCompiled(file, kind) {
  const source = readFileSync(file, "latin1");
  const script = new Script(source, { filename: file, cachedData: cacheOf(file, kind, source) });
  const module = { exports: {} };
  script.runInThisContext().call(module.exports, module.exports, require, module, file, dirname(file));
  return { exports: module.exports, script };
}

/** V8 compares lengths of sources alone; so a cache begins with the first line of the source that it was made of. */
function cacheOf(file, kind, source) {
  if (kind === undefined) return undefined;
  try {
    const bytes = readFileSync(`${file}.${kind}.cache`);
    const name = source.slice(0, source.indexOf("\n") + 1);
    return bytes.latin1Slice(0, name.length) === name ? bytes.subarray(name.length) : undefined;
  } catch {
    return undefined;
  }
}
