import { spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { ordinaryUser } from "../helpers/ordinary-user.js";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";

const test = testIf("oci-runtime", "overlay", "conmon", "ordinary-user").serial;

interface Check {
  readonly damaged: boolean;
  readonly findings: readonly {
    readonly part: string;
    readonly name: string;
    readonly repaired: boolean;
    readonly repair: string;
  }[];
}

/** A store whose `base` is unpacked, and that directory. */
function unpackedStore(t: ExecutionContext): UserStore & { readonly place: string } {
  const store = userStore(t, ordinaryUser()!);
  store.ok("run", "--rm", "base", "--", "true");
  const folder = path.join(store.store, "unpacked");
  const names = readdirSync(folder, { recursive: true }) as string[];
  const [name] = names.filter((each) => /\/[0-9a-f]{64}$/.test(each) && each.split("/").length === 2);
  return { ...store, place: path.join(folder, name!) };
}

const check = ({ run }: UserStore, ...words: readonly string[]): Check =>
  JSON.parse(run("--json", "fsck", ...words).stdout) as Check;

test("du tells what unpacked layers take, and gc gives it back with the layers", (t) => {
  const store = unpackedStore(t);
  const { unpacked } = JSON.parse(store.ok("--json", "du")) as { unpacked: { directories: number; bytes: number } };
  t.is(unpacked.directories, 1);
  const { stdout } = spawnSync("du", ["-s", "--block-size=1", store.place], { encoding: "utf8" });
  // du(1) counts the directory itself, and an inode of several names once.
  t.true(Math.abs(unpacked.bytes - parseInt(stdout, 10)) <= 16 * 1024, stdout);
  t.regex(store.ok("du"), /^Besides, [\d.]+ MiB in 1 layer that are unpacked for containers of an ordinary user$/m);
  store.ok("branch", "-d", "base", "--force");
  store.ok("gc", "--prune-age", "now");
  t.false(existsSync(store.place));
  t.deepEqual(
    readdirSync(path.dirname(store.place)).filter((name) => name !== "lock"),
    [],
    "its digest neither",
  );
  t.deepEqual((JSON.parse(store.ok("--json", "du")) as { unpacked: unknown }).unpacked, { directories: 0, bytes: 0 });
  t.notRegex(store.ok("du"), /Besides/);
});

const changes: readonly (readonly [how: string, change: (place: string) => void])[] = [
  ["a file that grew", (place) => appendFileSync(path.join(place, "etc/passwd"), "x")],
  ["a file of the same size", (place) => rewrite(path.join(place, "etc/group"))],
  ["a mode", (place) => chmodSync(path.join(place, "bin/sh"), 0o4755)],
  ["a new file", (place) => writeFileSync(path.join(place, "etc/new"), "")],
  ["the root's own mode", (place) => chmodSync(place, 0o700)],
];

function rewrite(file: string): void {
  writeFileSync(file, readFileSync(file, "latin1").replace("root", "toor"));
}

for (const [how, change] of changes) {
  test(`fsck tells of an unpacked layer in which somebody changed ${how}, and --repair has it made anew`, (t) => {
    const store = unpackedStore(t);
    t.is(check(store).damaged, false);
    const before = statSync(store.place).mode;
    change(store.place);
    const { status, stdout } = store.run("fsck", "--quick");
    t.is(status, 14);
    t.regex(stdout, /cache unpacked\/\S+: was changed since it was unpacked for containers; --repair removes it/);
    t.like(check(store, "--repair"), { damaged: false, findings: [{ part: "cache", repaired: true }] });
    t.false(existsSync(store.place));
    t.is(store.ok("run", "--rm", "base", "--", "cat", "/etc/group").split(":")[0], "root");
    t.is(statSync(store.place).mode, before);
    t.is(check(store).damaged, false);
  });
}

test("fsck --repair leaves an unpacked layer alone while a container runs, and says so", (t) => {
  const store = unpackedStore(t);
  store.ok("run", "-d", "--name", "box", "base", "--", "sleep", "1000");
  t.is(check(store).damaged, false, "use changes nothing");
  rewrite(path.join(store.place, "etc/group"));
  const { damaged, findings } = check(store, "--repair");
  t.true(damaged);
  t.regex(findings[0]!.repair, /stays, since a container runs/);
  t.true(existsSync(store.place));
  store.ok("stop", "-t", "0", "box");
  t.is(check(store, "--repair").damaged, false);
  store.ok("start", "box");
  t.is(store.ok("exec", "box", "cat", "/etc/group").split(":")[0], "root");
});

test("a change that keeps size and times is not seen, nor what a copy of the store changes", (t) => {
  const store = unpackedStore(t);
  const file = path.join(store.place, "etc/group");
  const { atimeMs, mtimeMs } = statSync(file);
  rewrite(file);
  utimesSync(file, atimeMs / 1000, mtimeMs / 1000);
  t.is(check(store).damaged, false);
  spawnSync("cp", ["-a", store.store, `${store.store}-copy`]);
  const copy = spawnSync("mv", [`${store.store}-copy`, path.join(store.home, "other")]);
  t.is(copy.status, 0);
  t.is(store.run("--store", path.join(store.home, "other"), "fsck", "--quick").status, 0);
});
