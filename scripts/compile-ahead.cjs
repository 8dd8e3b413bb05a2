// Makes a code cache of dist/command-line.js: compiled code of what a session of usual commands calls. Run by build.mjs in a process of its own.
//
// node scripts/compile-ahead.cjs PROGRAM CACHE trees|containers
const { spawnSync } = require("node:child_process");
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const path = require("node:path");
const { loadCompiled } = require("./compiled-program.cjs");

const [program, cache] = process.argv.slice(2, 4).map((file) => path.resolve(file));
const session = { trees: sessionOfTrees, containers: sessionOfContainers }[process.argv[4]];
const { exports: commandLine, script } = loadCompiled(program);

/** After a session, since V8 puts into a cache what has been compiled by then, and functions are compiled when they are first called. */
async function compileSession() {
  const home = mkdtempSync(path.join(tmpdir(), "varve-build-"));
  try {
    process.env = { PATH: process.env.PATH, HOME: home, VARVE_STORE: "" };
    process.chdir(home);
    for await (const words of session(home)) {
      process.argv.splice(2, Infinity, ...words);
      await commandLine.runCommandLine();
    }
  } finally {
    process.chdir("/");
    // A run leaves what it mounts in this process's own namespace to the end of the process.
    spawnSync("umount", ["-l", path.join(home, "store/containers/mounts")], { stdio: "ignore" });
    rmSync(home, { recursive: true });
  }
}

function* sessionOfTrees(home) {
  const write = (name, text) => writeFileSync(path.join(home, name), text);
  yield ["init"];
  yield ["status"];
  write("file", "one\n");
  yield ["diff"];
}

/** Where containers can't run, by an ordinary user or for want of a runtime, it ends early and the cache has what was called until then. */
async function* sessionOfContainers(home) {
  const { makeSmallRoot } = await import("./demo/small-root.mjs");
  const root = path.join(home, "root");
  makeSmallRoot(root);
  const store = ["--store", path.join(home, "store")];
  // In a process of its own: what an import calls is not for this cache, which takes as long to read as it is large.
  const words = [...store, "import", root, "-b", "base"];
  spawnSync(process.execPath, [path.join(path.dirname(program), "varve.js"), ...words], { stdio: "ignore" });
  yield [...store, "ps"];
  yield [...store, "run", "--rm", "--network", "none", "base", "--", "true"];
}

compileSession().then(() => {
  const source = readFileSync(program, "latin1");
  const name = source.slice(0, source.indexOf("\n") + 1);
  writeFileSync(cache, Buffer.concat([Buffer.from(name, "latin1"), script.createCachedData()]));
  process.exit(0);
});
