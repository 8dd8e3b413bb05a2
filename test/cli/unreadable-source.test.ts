import { execFileSync, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] as const;

const cases = [
  ["a file", "mkdir -p a/b; echo x > a/b/secret; chmod 600 a/b/secret", "a/b/secret"],
  ["a directory", "mkdir -p a/secret; chmod 700 a/secret", "a/secret"],
  ["an ignore file", "mkdir a; echo x > a/.varveignore; chmod 600 a/.varveignore", "a/.varveignore"],
] as const;

/** A directory that belongs to nobody(65534), who then may not read what root keeps for itself in it. */
function fill(t: ExecutionContext, script: string): { readonly home: string; readonly source: string } {
  const home = temporaryDirectory(t);
  environmentWithVarve(home);
  execFileSync("sh", ["-euc", "umask 022; mkdir source; chown -R 65534:65534 ."], { cwd: home });
  execFileSync("sh", ["-euc", `umask 022; ${script}`], { cwd: path.join(home, "source") });
  return { home, source: path.join(home, "source") };
}

function byNobody(home: string, cwd: string, ...words: readonly string[]): SpawnSyncReturns<string> {
  const [program, ...options] = NOBODY;
  return spawnSync(program, [...options, process.execPath, BUILT_COMMAND, ...words], {
    cwd,
    env: environmentWithVarve(home),
    encoding: "utf8",
  });
}

for (const [what, script, secret] of cases) {
  testIf("root", "setpriv")(`varve import of a directory with ${what} that may not be read tells its whole path`, (t) => {
    const { home, source } = fill(t, script);
    const place = path.join(source, secret);
    const words = ["--quiet", "--store", "store", "import", "source", "-b", "base"];
    const told = byNobody(home, home, ...words);
    t.is(told.status, 42);
    t.is(told.stderr.split("\n", 1)[0], `varve: error: Cannot read "${place}": permission denied, wanted read access`);
    const asJson = byNobody(home, home, ...words, "--json");
    t.is(asJson.status, 42);
    t.like(JSON.parse(asJson.stdout), { error: { code: "SOURCE_UNREADABLE", path: place } });
  });

  testIf("root", "setpriv")(`varve commit of a directory with ${what} that may not be read tells its whole path`, (t) => {
    const { home, source } = fill(t, script);
    t.is(byNobody(home, source, "init").status, 0);
    const told = byNobody(home, source, "commit", "-m", "first", "--json");
    t.is(told.status, 42);
    t.like(JSON.parse(told.stdout), { error: { code: "SOURCE_UNREADABLE", path: path.join(source, secret) } });
  });
}

testIf("root", "setpriv")("varve import of an archive that may not be read tells its path, and makes no store", (t) => {
  const { home, source } = fill(
    t,
    "mkdir closed; for f in root.tar closed/root.tar; do echo x > $f; chmod 600 $f; done; chmod 700 closed",
  );
  for (const archive of ["root.tar", "closed/root.tar"]) {
    const told = byNobody(home, source, "--store", "../store", "import", archive, "-b", "base");
    t.is(told.status, 42);
    t.is(
      told.stderr,
      `varve: error: Cannot read "${archive}": permission denied, wanted read access
varve: path: ${path.join(source, archive)}
varve: hint: Run the command as a user who may read it, such as root.
`,
    );
  }
  t.false(existsSync(path.join(home, "store")));
});
