import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { VarveError } from "../../core/errors.js";
import { openStore } from "../../store/open-store.js";
import type { StoreLayout } from "../../store/store-layout.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory, temporaryStore } from "../helpers/temporary-store.js";

const formats = [
  { what: "a newer number", make: (file: string) => writeFileSync(file, "2\n"), hint: /newer varve/ },
  { what: "number 0", make: (file: string) => writeFileSync(file, "0\n"), hint: /damaged/ },
  { what: "nothing", make: (file: string) => writeFileSync(file, ""), hint: /damaged/ },
  { what: "words", make: (file: string) => writeFileSync(file, "varve\n"), hint: /damaged/ },
  { what: "a number and more", make: (file: string) => writeFileSync(file, "1\n1\n"), hint: /damaged/ },
  { what: "a number without newline", make: (file: string) => writeFileSync(file, "1"), hint: /damaged/ },
  { what: "a megabyte", make: (file: string) => writeFileSync(file, "1".repeat(2 ** 20)), hint: /damaged/ },
  { what: "zeros", make: (file: string) => writeFileSync(file, Buffer.alloc(2)), hint: /damaged/ },
  { what: "a directory", make: (file: string) => mkdirSync(file), hint: /damaged/ },
  { what: "a FIFO", make: (file: string) => execFileSync("mkfifo", [file]), hint: /damaged/ },
  { what: "a symbolic link", make: (file: string) => symlinkSync("/etc/hostname", file), hint: /damaged/ },
];

for (const { what, make, hint } of formats) {
  test(`openStore() of a store whose format is ${what} throws STORE_FORMAT with a hint`, async (t) => {
    const layout = temporaryStore(t);
    rmSync(layout.format);
    make(layout.format);
    const error = await t.throwsAsync(openStore(layout.root), { instanceOf: VarveError });
    t.is(error?.code, "STORE_FORMAT");
    t.regex(error?.hint ?? "", hint);
  });
}

test("openStore() where there is none throws STORE_MISSING with a hint", async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(path.join(directory, "file"), "");
  for (const absent of ["absent", "file", "file/below", "."]) {
    const error = await t.throwsAsync(openStore(path.join(directory, absent)), { instanceOf: VarveError });
    t.is(error?.code, "STORE_MISSING");
    t.regex(error?.hint ?? "", /varve init/);
  }
});

const needed = ["git/HEAD", "git/objects", "git/refs", "layers/sha256", "operations", "containers"];

for (const name of needed) {
  test(`openStore() of a store without ${name} throws STORE_DAMAGED with its path`, async (t) => {
    const layout = temporaryStore(t);
    rmSync(path.join(layout.root, name), { recursive: true });
    const error = await t.throwsAsync(openStore(layout.root), { instanceOf: VarveError });
    t.is(error?.code, "STORE_DAMAGED");
    t.is(error?.path, path.join(layout.root, name));
  });
}

test("openStore() makes scratch and views again", async (t) => {
  const layout = temporaryStore(t);
  for (const derived of [layout.scratch, layout.views]) rmSync(derived, { recursive: true });
  await openStore(layout.root);
  t.true([layout.scratch, layout.commitCache].every((folder) => existsSync(folder)));
});

test("openStore() removes what dead processes left in scratch, and leaves what is alive or unknown", async (t) => {
  const layout = temporaryStore(t);
  const dead = spawnSync("true").pid;
  const names = [`layer-${dead}-1`, `layer-${process.pid}-1`, "notes.txt"];
  for (const name of names) writeFileSync(path.join(layout.scratch, name), "x");
  mkdirSync(path.join(layout.scratch, `tree-${dead}-2/below`), { recursive: true });
  await openStore(layout.root);
  t.deepEqual(
    names.map((name) => existsSync(path.join(layout.scratch, name))),
    [false, true, true],
  );
  t.false(existsSync(path.join(layout.scratch, `tree-${dead}-2`)));
});

const NOBODY = 65_534;

function openAs(user: number, layout: StoreLayout): { status: number | null; text: string } {
  const script = `import(process.argv[1]).then((m) => m.openStore(process.argv[2])).then(() => console.log("opened"), (e) => console.log(e.code, e.hint))`;
  const module = new URL("../../store/open-store.js", import.meta.url).pathname;
  const { status, stdout } = spawnSync(process.execPath, ["-e", script, module, layout.root], {
    uid: user,
    gid: user,
    encoding: "utf8",
  });
  return { status, text: stdout.trim() };
}

testIf("root")("openStore() of another user's store throws PERMISSION, but root may", async (t) => {
  const layout = temporaryStore(t);
  for (const folder of [path.dirname(layout.root), layout.root]) chmodSync(folder, 0o755);
  t.regex(openAs(NOBODY, layout).text, /^PERMISSION .*owner/);
  chownSync(layout.root, NOBODY, NOBODY);
  t.is((await openStore(layout.root)).root, layout.root);
});

testIf("root")("openStore() of a store that may not be read throws PERMISSION", (t) => {
  const layout = temporaryStore(t);
  chmodSync(path.dirname(layout.root), 0o700);
  t.regex(openAs(NOBODY, layout).text, /^PERMISSION/);
});

/** What openStore() gives where the store stands on a read-only mount. */
function openReadOnly(layout: StoreLayout): string {
  const script = `mount --bind "$2" "$2" && mount -o remount,bind,ro "$2" && exec "$0" -e 'import(process.argv[1]).then((m) => m.openStore(process.argv[2])).then(() => console.log("opened"), (e) => console.log(e))' "$1" "$2"`;
  const module = new URL("../../store/open-store.js", import.meta.url).pathname;
  const { stdout } = spawnSync("unshare", ["--mount", "sh", "-c", script, process.execPath, module, layout.root], {
    encoding: "utf8",
  });
  return stdout.trim();
}

testIf("root")("openStore() of a store on a read-only mount leaves dead scratch alone", async (t) => {
  const layout = temporaryStore(t);
  const left = path.join(layout.scratch, `layer-${spawnSync("true").pid}-1`);
  writeFileSync(left, "x");
  t.is(openReadOnly(layout), "opened");
  t.true(existsSync(left));
});

testIf("root")("openStore() of a store on a read-only mount needs no views and no scratch", (t) => {
  const layout = temporaryStore(t);
  for (const derived of [layout.scratch, layout.views]) rmSync(derived, { recursive: true });
  t.is(openReadOnly(layout), "opened");
});

testIf("root")("openStore() by root of another user's store that was found, not named, throws PERMISSION", async (t) => {
  const { root } = temporaryStore(t);
  chownSync(root, 12345, 12345);
  await t.notThrowsAsync(openStore(root));
  const error = await t.throwsAsync(openStore(root, { wasFound: true }), { instanceOf: VarveError, code: "PERMISSION" });
  t.regex(error?.hint ?? "", /--store/);
});
