// dist/varve.js as a program of its own, as it is installed: a shell starts Node. Most tests give it to Node themselves.
import { spawnSync } from "node:child_process";
import test from "ava";
import { asUser, ordinaryUser } from "../helpers/ordinary-user.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { userStore, type UserStore } from "../helpers/user-store.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

/** Node warns at its start when it can't read this file. */
const NODE_EXTRA_CA_CERTS = "/nowhere/of it all.pem";

test("Node is not given our --env-file: a missing one is told by varve", (t) => {
  const home = temporaryDirectory(t);
  const words = ["run", "--env-file", "/nowhere/env", "base", "--", "true"];
  const { stderr } = spawnSync(BUILT_COMMAND, words, { cwd: home, env: environmentWithVarve(home), encoding: "utf8" });
  t.regex(stderr, /^varve: /);
});

test("Node that reads NODE_EXTRA_CA_CERTS at its start says so", (t) => {
  const { stderr } = spawnSync(process.execPath, [BUILT_COMMAND, "--version"], {
    env: { NODE_EXTRA_CA_CERTS },
    encoding: "utf8",
  });
  t.regex(stderr, /extra certs/);
});

function printedVariable({ home, store }: UserStore, before: readonly string[]): string {
  const env = { ...environmentWithVarve(home), NODE_EXTRA_CA_CERTS };
  const words = ["run", "--rm", "--network", "none", "-e", "NODE_EXTRA_CA_CERTS", "base", "--", "env"];
  const [program, ...rest] = [...before, BUILT_COMMAND, "--store", store, ...words];
  const { stdout, stderr } = spawnSync(program!, rest, { cwd: home, env, encoding: "utf8" });
  return (
    stderr +
    stdout
      .split("\n")
      .filter((line) => line.includes("CERTS"))
      .join("\n")
  );
}

testIf("oci-runtime", "overlay")("a start is spared NODE_EXTRA_CA_CERTS, and gives it to the process", (t) => {
  t.is(printedVariable(userStore(t, undefined), []), `NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS}`);
});

testIf(
  "oci-runtime",
  "overlay",
  "ordinary-user",
)("so is the second start, in an ordinary user's namespace", (t) => {
  const user = ordinaryUser()!;
  t.is(printedVariable(userStore(t, user), asUser(user)), `NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS}`);
});
