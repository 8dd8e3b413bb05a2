import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { runningStore, type RunningStore } from "../helpers/running-store.js";
import { until } from "../overlay/container-fixture.js";
import { BUILT_COMMAND, environmentWithVarve, varve } from "./built-command.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

/** A container, and beside it a directory to copy. */
function withContainer(t: ExecutionContext, ...options: string[]): RunningStore {
  const store = runningStore(t);
  const source = path.join(store.home, "source");
  mkdirSync(path.join(source, "below"), { recursive: true });
  writeFileSync(path.join(source, "file"), "content\n", { mode: 0o750 });
  writeFileSync(path.join(source, "below/deep"), "deep\n");
  symlinkSync("file", path.join(source, "link"));
  execFileSync("mkfifo", [path.join(source, "fifo")]);
  execFileSync("mknod", [path.join(source, "device"), "c", "1", "5"]);
  execFileSync("chown", ["1000:50", path.join(source, "file")]);
  execFileSync("setfattr", ["-n", "user.note", "-v", "kept", path.join(source, "file")]);
  execFileSync("touch", ["-d", "2001-02-03T04:05:06.789Z", path.join(source, "file")]);
  t.teardown(() => void store.run("rm", "-f", "--forget", "web"));
  t.is(store.run("create", "--name", "web", ...options, "base", "--", "sh", "-c", "touch /root/began; sleep 1000").status, 0);
  return store;
}

async function start(t: ExecutionContext, store: RunningStore): Promise<void> {
  t.is(store.run("start", "web").status, 0);
  await until(() => store.run("exec", "web", "ls", "/root/began").status === 0, "the script has begun");
}

for (const runs of [false, true]) {
  const how = runs ? "that runs" : "that does not run";

  test(`copies into a container ${how} and out of it keep what they are made of`, async (t) => {
    const store = withContainer(t);
    if (runs) await start(t, store);
    const { status, stderr } = store.run("cp", "source", "web:/root");
    t.is(status, 0, stderr);
    t.is(store.run("cp", "web:/root/source", "copy").status, 0);
    const copy = path.join(store.home, "copy");
    t.deepEqual(readdirSync(copy), ["below", "device", "fifo", "file", "link"]);
    const file = lstatSync(path.join(copy, "file"));
    t.deepEqual([file.uid, file.gid, file.mode & 0o7777], [0, 0, 0o750]);
    t.is(file.mtime.toISOString(), "2001-02-03T04:05:06.789Z");
    t.regex(execFileSync("getfattr", ["-d", path.join(copy, "file")], { encoding: "utf8" }), /user.note="kept"/);
    t.is(readlinkSync(path.join(copy, "link")), "file");
    t.true(lstatSync(path.join(copy, "fifo")).isFIFO());
    t.is(lstatSync(path.join(copy, "device")).rdev, 0x105);
  });

  test(`docker's rules for paths hold with a container ${how}`, async (t) => {
    const store = withContainer(t);
    if (runs) await start(t, store);
    const ok = (...words: string[]): boolean => t.is(store.run("cp", ...words).status, 0, words.join(" "));
    ok("source", "web:/new");
    ok("source/.", "web:/new");
    ok("source/file", "web:/new/other");
    ok("source/file", "web:/new/below/");
    ok("-L", "source/link", "web:/new/followed");
    ok("web:/new/", "out");
    const out = path.join(store.home, "out");
    t.deepEqual(readdirSync(out), ["below", "device", "fifo", "file", "followed", "link", "other"]);
    t.deepEqual(readdirSync(path.join(out, "below")), ["deep", "file"]);
    t.true(lstatSync(path.join(out, "followed")).isFile());
    ok("source/below/deep", "web:/new/link");
    t.is(readlinkSync(path.join(out, "link")), "file");
    ok("web:/new/file", "written");
    t.is(readFileSync(path.join(store.home, "written"), "utf8"), "deep\n", "a symlink as DEST is followed");
    const refused = (expected: number, ...words: string[]): boolean =>
      t.is(store.run("cp", ...words).status, expected, words.join(" "));
    refused(22, "source/file", "web:/absent/");
    refused(22, "source/file", "web:/absent/x");
    refused(22, "source/absent", "web:/");
    refused(22, "web:/absent", ".");
    refused(23, "source/file/", "web:/new");
    refused(23, "source", "web:/new/file");
    refused(23, "source/file", "web:/new/file/");
    writeFileSync(path.join(store.home, "below"), "a file");
    refused(23, "below", "web:/new");
    refused(2, "source", "out");
    refused(2, "web:/a", "web:/b");
    refused(2, "web:", "out");
    refused(24, "none:/a", "out");
  });

  test(`a tar goes through stdin and stdout of a container ${how}, with its owners`, async (t) => {
    const store = withContainer(t);
    if (runs) await start(t, store);
    const archive = execFileSync("tar", ["-C", path.join(store.home, "source"), "-c", "."]);
    const call = (words: readonly string[], input: Buffer | string = "") =>
      varve(["--store", store.store, "cp", ...words], { cwd: store.home, home: store.home, input });
    t.is(call(["-", "web:/root"], archive).status, 0);
    t.is(call(["-", "web:/absent"], archive).status, 22);
    t.is(call(["-", "web:/root"], "no archive").status, 43);
    const child = spawn(process.execPath, [BUILT_COMMAND, "--store", store.store, "cp", "web:/root/file", "-"], {
      cwd: store.home,
      env: environmentWithVarve(store.home),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const listing = execFileSync("tar", ["tvf", "-", "--numeric-owner"], { input: await buffer(child.stdout), encoding: "utf8" });
    t.regex(listing, /^-rwxr-x--- 1000\/50 +8 .* file\n$/);
  });

  test(`symlinks lead nowhere outside of a container ${how}`, async (t) => {
    const store = withContainer(t);
    const outside = path.join(store.home, "outside");
    mkdirSync(outside);
    writeFileSync(path.join(outside, "secret"), "of this machine\n");
    symlinkSync(outside, path.join(store.home, "source/away"));
    symlinkSync("../../../../../../../../..", path.join(store.home, "source/up"));
    t.is(store.run("cp", "source", "web:/root").status, 0);
    if (runs) await start(t, store);
    t.is(store.run("cp", "web:/root/source/away/secret", "got").status, 22);
    t.is(store.run("cp", `web:/root/source/up${outside}/secret`, "got").status, 22);
    t.is(store.run("cp", "source/file", "web:/root/source/away/planted").status, 22);
    t.not(store.run("cp", "source/file", "web:/root/source/away/").status, 0);
    t.false(existsSync(path.join(store.home, "got")));
    t.deepEqual(readdirSync(outside), ["secret"]);
  });
}

test("undo takes a copy into a stopped container back, and other names of a replaced file keep it", (t) => {
  const store = withContainer(t);
  linkSync(path.join(store.home, "source/below/deep"), path.join(store.home, "source/below/same"));
  execFileSync("tar", ["-C", store.home, "-cf", path.join(store.home, "linked.tar"), "source"]);
  const input = readFileSync(path.join(store.home, "linked.tar"));
  t.is(varve(["--store", store.store, "cp", "-", "web:/root"], { cwd: store.home, home: store.home, input }).status, 0);
  writeFileSync(path.join(store.home, "newer"), "newer\n");
  t.is(store.run("cp", "newer", "web:/root/source/below/deep").status, 0);
  t.is(store.run("cp", "web:/root/source/below", "out").status, 0);
  t.is(readFileSync(path.join(store.home, "out/deep"), "utf8"), "newer\n");
  t.is(readFileSync(path.join(store.home, "out/same"), "utf8"), "deep\n");
  t.is(store.run("undo").status, 0);
  t.is(store.run("cp", "web:/root/source/below/deep", "again").status, 0);
  t.is(readFileSync(path.join(store.home, "again"), "utf8"), "deep\n");
  t.is(store.run("undo").status, 0);
  t.is(store.run("cp", "web:/root/source", "none").status, 22);
});

test("a volume is copied from and to while its container runs, and refused while not", async (t) => {
  const store = withContainer(t, "-v", "./source:/srv");
  const refused = store.run("cp", "web:/srv/file", "out");
  t.is(refused.status, 44);
  t.regex(refused.stderr, /start the container first/);
  t.is(store.run("cp", "source/file", "web:/srv/more").status, 44);
  await start(t, store);
  t.is(store.run("cp", "web:/srv/file", "out").status, 0);
  t.is(store.run("cp", "out", "web:/srv/more").status, 0);
  t.is(readFileSync(path.join(store.home, "source/more"), "utf8"), "content\n");
});

test("a container that swaps directories and symlinks all the time gets nothing of this machine", async (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "web"));
  const outside = path.join(store.home, "outside");
  mkdirSync(outside);
  writeFileSync(path.join(outside, "secret"), "of this machine\n");
  mkdirSync(path.join(store.home, "box/x"), { recursive: true });
  writeFileSync(path.join(store.home, "box/x/planted"), "planted\n");
  const script = `mkdir -p /r/box/x /r/real; echo own > /r/box/x/secret; ln -s ${outside} /r/evil
while true; do mv /r/box/x /r/real/x; mv /r/evil /r/box/x; mv /r/box/x /r/evil; mv /r/real/x /r/box/x; done`;
  t.is(store.run("run", "-d", "--name", "web", "base", "--", "sh", "-c", script).status, 0);
  await until(() => store.run("exec", "web", "ls", "/r/evil").status === 0, "it swaps");
  for (let round = 0; round < 12; round++) {
    store.run("cp", "web:/r/box/x/secret", "got");
    store.run("cp", "web:/r/box/x/", "folder");
    store.run("cp", "box/.", "web:/r/box");
    store.run("cp", "box/x/planted", "web:/r/box/x");
  }
  t.deepEqual(readdirSync(outside), ["secret"]);
  for (const place of ["got", "folder/secret"]) {
    const file = path.join(store.home, place);
    if (existsSync(file)) t.is(readFileSync(file, "utf8"), "own\n");
  }
});
