// A pull of layers that the store can make of what it has transfers none of them.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { startRegistry, type LocalRegistry } from "../helpers/local-registry.js";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";

const test = testIf("docker-registry");

interface Setting extends UserStore {
  readonly registry: LocalRegistry;
  readonly reference: string;
  readonly table: string;
}

/** A store whose `base` has two commits, and was pushed as an image alone. */
async function setting(t: ExecutionContext): Promise<Setting> {
  const [made, registry] = [userStore(t, undefined), await startRegistry(t)];
  writeFileSync(path.join(made.home, "root/second"), "of the second commit\n".repeat(1000));
  made.ok("import", "root", "-b", "base", "-m", "second");
  const reference = `${registry.host}/team/base:1`;
  made.ok("push", "--no-history", "base", reference);
  return { ...made, registry, reference, table: path.join(made.store, "views/sent") };
}

/** Blobs that were asked for since the registry was started: the config is one. */
const blobsRead = ({ registry }: Setting): number =>
  registry.requests().filter((request) => /^GET \S*\/blobs\//.test(request)).length;

for (const [name, before, options] of [
  ["compressed layers are kept since they went out", [], []],
  ["garbage collection took the compressed layers", ["gc"], []],
  ["no compressed layers are wanted", ["gc"], ["--keep-blobs", "never"]],
] as const)
  test(`nothing is transferred of what the store sent out: ${name}`, async (t) => {
    const made = await setting(t);
    if (before.length > 0) made.ok(...before);
    const { status, stderr } = made.run("pull", ...options, made.reference);
    t.is(status, 0, stderr);
    t.is(blobsRead(made), 1);
    t.is(stderr.match(/: Already exists/g)?.length, 2, stderr);
    t.is(made.ok("diff", "base", made.reference), "");
    t.regex(made.ok("fsck"), /^Sound: /);
    // In a store that has nothing the same commits come of it.
    const other = ["--store", path.join(made.home, "other")];
    made.ok(...other, "pull", ...options, made.reference);
    t.is(blobsRead(made), 1 + 3);
    t.is(made.ok(...other, "--json", "log", made.reference), made.ok("--json", "log", made.reference));
  });

test("what is remembered wrongly of a layer, or damaged, is transferred", async (t) => {
  const made = await setting(t);
  writeFileSync(path.join(made.home, "root/other"), "other");
  made.ok("import", "root", "-b", "other", "-m", "other");
  made.ok("save", "other", "-o", "other.tar");
  made.ok("gc");
  // The tar of another tree is told to be the one of the image's first layer.
  const lines = readFileSync(made.table, "utf8").split("\n");
  const tars = lines.filter((line) => line.startsWith("empty.."));
  t.is(tars.length, 2);
  const [first = "", other = ""] = tars.map((line) => line.split(" tar-1 ")[0]);
  const forged = lines
    .map((line) => line.replace(`${first} `, "gone "))
    .map((line) => (line.startsWith("gone ") ? line.replace("gone", other) : line));
  writeFileSync(made.table, forged.join("\n"));
  const { status, stderr } = made.run("pull", "--keep-blobs", "never", made.reference);
  t.is(status, 0, stderr);
  t.true(blobsRead(made) > 1);
  t.is(made.ok("diff", "base", made.reference), "");
  t.regex(made.ok("fsck"), /^Sound: /);
});
