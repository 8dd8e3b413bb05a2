// A store that can't be written to, since its filesystem is read-only or full, still gives what it has.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { startRegistry } from "../helpers/local-registry.js";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";

interface Pushed {
  readonly digest: string;
  readonly sentBytes: number;
}

const push = ({ ok }: UserStore, name: string): Pushed => JSON.parse(ok("--json", "push", "base", name)) as Pushed;

/** What was made of the store's contents before. */
function forget({ store }: UserStore): void {
  for (const name of ["views", "blobs", "scratch"]) {
    for (const entry of readdirSync(path.join(store, name))) rmSync(path.join(store, name, entry), { recursive: true });
  }
}

function makeReadOnly(t: ExecutionContext, { store }: UserStore): void {
  execFileSync("mount", ["--bind", store, store]);
  t.teardown(() => execFileSync("umount", [store]));
  execFileSync("mount", ["-o", "remount,bind,ro", store]);
}

testIf("mounts", "docker-registry")("a store on a read-only mount is pushed as any other, with what it can't keep", async (t) => {
  const [made, { host }] = [userStore(t, undefined), await startRegistry(t)];
  const { digest } = push(made, `${host}/app:1`);
  forget(made);
  makeReadOnly(t, made);
  const { host: fresh } = await startRegistry(t);
  const pushed = push(made, `${fresh}/app:1`);
  t.is(pushed.digest, digest);
  t.true(pushed.sentBytes > 0);
  t.is(push(made, `${fresh}/app:1`).sentBytes, 0);
});

testIf("mounts", "docker-registry")("a store on a full disk is pushed, and nothing is left over", async (t) => {
  const [made, { host }] = [userStore(t, undefined), await startRegistry(t)];
  const { digest } = push(made, `${host}/app:1`);
  forget(made);
  const disk = path.join(made.home, "disk");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=10m", "none", disk]);
  t.teardown(() => execFileSync("umount", [disk]));
  execFileSync("cp", ["-a", made.store, path.join(disk, "store")]);
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(path.join(disk, "filler"), Buffer.alloc(bavail * bsize - 16_384, 1));
  const { host: fresh } = await startRegistry(t);
  const full = JSON.parse(made.ok("--store", path.join(disk, "store"), "--json", "push", "base", `${fresh}/app:1`)) as Pushed;
  t.is(full.digest, digest);
  t.deepEqual(readdirSync(path.join(disk, "store/scratch")), []);
});

testIf("mounts")("a store on a read-only mount gives archives and bundles, without views and scratch, too", (t) => {
  const made = userStore(t, undefined);
  const { home, store, run, ok } = made;
  const write = (suffix: string): readonly Buffer[] => {
    ok("save", "base", "-o", `save${suffix}`);
    ok("bundle", "base", `bundle${suffix}`);
    ok("export", "base", "-o", `export${suffix}`);
    return ["save", "bundle", "export"].map((name) => readFileSync(path.join(home, `${name}${suffix}`)));
  };
  const before = write("-before");
  for (const name of ["views", "scratch"]) rmSync(path.join(store, name), { recursive: true });
  makeReadOnly(t, made);
  for (const [index, bytes] of write("-after").entries()) t.true(bytes.equals(before[index]!), String(index));
  const { status, stderr } = run("tag", "v1", "base");
  t.is(status, 50);
  t.regex(stderr, /^varve: error: Cannot lock the store: read-only file system\n/);
  t.regex(stderr, /^varve: hint: Mount the filesystem writable/m);
});
