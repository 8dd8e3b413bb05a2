// Part of dist/varve.js. Loads dist/command-line.js in the form that compile-ahead.mjs left beside it: V8's code cache saves parsing and
// compiling at each start, a third of a command's time. A cache that this Node refuses (another version, other flags), or that is not
// there, costs that third and nothing else.
const { readFileSync } = require("node:fs");
const { dirname, join } = require("node:path");
const { Script } = require("node:vm");

exports.runCommandLine = () => loadCompiled(join(__dirname, "command-line.js")).exports.runCommandLine();

exports.loadCompiled = loadCompiled;

/**
 * @param {string} file Absolute path of CommonJS as a function. It is ASCII (esbuild escapes the rest), and its first line names its text.
 * @returns {{ exports: any, script: Script }}
 */
function loadCompiled(file) {
  const source = readFileSync(file, "latin1");
  const script = new Script(source, { filename: file, cachedData: cacheOf(file, source) });
  const module = { exports: {} };
  script.runInThisContext().call(module.exports, module.exports, require, module, file, dirname(file));
  return { exports: module.exports, script };
}

/** V8 compares lengths of sources alone; so a cache begins with the first line of the source that it was made of. */
function cacheOf(file, source) {
  try {
    const bytes = readFileSync(`${file}.cache`);
    const name = source.slice(0, source.indexOf("\n") + 1);
    return bytes.latin1Slice(0, name.length) === name ? bytes.subarray(name.length) : undefined;
  } catch {
    return undefined;
  }
}
