import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { newNamespace } from "../../../overlay/rootless/namespace-programs.js";
import { testIf } from "../../helpers/requirements.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

for (const [setting, value, wanted] of [
  ["user/max_user_namespaces", "0", "10000"],
  ["kernel/unprivileged_userns_clone", "0", "1"],
  ["kernel/apparmor_restrict_unprivileged_userns", "1", "0"],
] as const) {
  test(`newNamespace() where ${setting} is ${value} throws MOUNT_UNAVAILABLE with the setting that helps`, (t) => {
    const settings = temporaryDirectory(t);
    mkdirSync(path.join(settings, path.dirname(setting)));
    writeFileSync(path.join(settings, setting), `${value}\n`);
    const error = t.throws(() => newNamespace(settings), { code: "MOUNT_UNAVAILABLE" }) as Error & { readonly hint?: string };
    t.true(error.hint?.startsWith(`As root: sysctl ${setting.replace("/", ".")}=${wanted}.`), error.hint);
  });
}

testIf("unshare")("newNamespace() of a machine that forbids nothing names unshare(1)", (t) => {
  const { path: program, words } = newNamespace(temporaryDirectory(t));
  t.is(path.basename(program), "unshare");
  t.deepEqual(words.slice(0, 2), ["--user", "--map-root-user"]);
});
