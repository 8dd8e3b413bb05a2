import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { mountOverlay, overlayOptions } from "../../../overlay/mounts/overlay-mount.js";
import { testIf } from "../../helpers/requirements.js";

const cases = [
  { why: "of one lower directory", lower: ["/l/1"], wants: "lowerdir=/l/1,upperdir=/u,workdir=/w" },
  { why: "puts the topmost layer first", lower: ["/l/2", "/l/1"], wants: "lowerdir=/l/2:/l/1,upperdir=/u,workdir=/w" },
  { why: "quotes a colon", lower: ["/a:b"], wants: "lowerdir=/a\\:b,upperdir=/u,workdir=/w" },
  { why: "quotes a comma", lower: ["/a,b"], wants: "lowerdir=/a\\,b,upperdir=/u,workdir=/w" },
  { why: "quotes a backslash", lower: ["/a\\b"], wants: "lowerdir=/a\\\\b,upperdir=/u,workdir=/w" },
] as const;

for (const { why, lower, wants } of cases) {
  test(`overlayOptions() ${why}`, (t) => {
    t.is(overlayOptions({ lower, upper: "/u", work: "/w" }), wants);
  });
}

test("mountOverlay() of more layers than the kernel stacks throws MOUNT_UNAVAILABLE", (t) => {
  const lower = Array.from({ length: 501 }, (_, index) => `/${index}`);
  const mount = { kind: "overlay", lower, upper: "/u", work: "/w", target: "/t", withoutDevices: false } as const;
  t.like(
    t.throws(() => mountOverlay(mount)),
    { code: "MOUNT_UNAVAILABLE", hint: '"varve squash" makes one layer of many.' },
  );
});

/** Runs JavaScript with the built modules in a process of its own, since mounts are a whole process's. */
function inOwnProcess(script: string): { readonly stdout: string; readonly stderr: string } {
  const modules = fileURLToPath(new URL("../../..", import.meta.url));
  return spawnSync(process.execPath, ["--input-type=module", "-e", script.replaceAll("BUILD/", modules)], { encoding: "utf8" });
}

const PRELUDE = `
import { enterPrivateMountNamespace } from "BUILD/linux/namespaces.js";
import { mountOverlay, overlayOptions } from "BUILD/overlay/mounts/overlay-mount.js";
import { mountImage } from "BUILD/overlay/mounts/image-mount.js";
import { mount } from "BUILD/linux/mount.js";
import { readFileSync, readdirSync } from "node:fs";
enterPrivateMountNamespace();
`;

testIf("overlay")("mountOverlay() and mount(2) with its option text show the same tree, however paths are called", (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "varve-overlay-"));
  const lower = ["top", "a:b,c\\d"].map((name) => path.join(folder, name));
  for (const name of [...lower, ...["upper", "work", "root", "upper2", "work2", "root2"].map((each) => path.join(folder, each))])
    mkdirSync(name);
  writeFileSync(path.join(lower[0]!, "both"), "top");
  writeFileSync(path.join(lower[1]!, "both"), "bottom");
  writeFileSync(path.join(lower[1]!, "low"), "low");
  const { stdout, stderr } = inOwnProcess(`${PRELUDE}
    const lower = ${JSON.stringify(lower)}, folder = ${JSON.stringify(folder)};
    mountOverlay({ kind: "overlay", lower, upper: folder + "/upper", work: folder + "/work", target: folder + "/root", withoutDevices: false });
    const data = overlayOptions({ lower, upper: folder + "/upper2", work: folder + "/work2" }, [["metacopy", "on"]]);
    mount({ source: "x", target: folder + "/root2", type: "overlay", data });
    for (const root of ["/root", "/root2"]) console.log(readdirSync(folder + root).join(), readFileSync(folder + root + "/both", "utf8"));
    console.log(/root .*redirect_dir=on.*index=on.*metacopy=on/.test(readFileSync("/proc/self/mountinfo", "utf8")));`);
  t.is(stdout, "both,low top\nboth,low top\ntrue\n", stderr);
  t.notRegex(readFileSync("/proc/self/mountinfo", "utf8"), new RegExp(folder));
  rmSync(folder, { recursive: true });
});

testIf("overlay")("mountOverlay() whose upper directory stands on an overlay says so, and where it can stand", (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "varve-overlay-"));
  for (const name of ["lower", "upper", "work", "root"]) mkdirSync(path.join(folder, name));
  const { stdout, stderr } = inOwnProcess(`${PRELUDE}
    import { mkdirSync } from "node:fs";
    process.chdir(${JSON.stringify(folder)});
    mountOverlay({ kind: "overlay", lower: ["lower"], upper: "upper", work: "work", target: "root", withoutDevices: false });
    for (const name of ["upper", "work", "root"]) mkdirSync("root/" + name);
    process.chdir("root");
    try {
      mountOverlay({ kind: "overlay", lower: ["../lower"], upper: "upper", work: "work", target: "root", withoutDevices: false });
    } catch ({ code, message, hint }) {
      console.log([code, message, hint].join("\\n"));
    }`);
  t.regex(stdout, /^MOUNT_UNAVAILABLE\n.*: the store is on overlayfs, .*\nHave the store on another filesystem, /, stderr);
  rmSync(folder, { recursive: true });
});

testIf("erofs", "mkfs.erofs")(
  "mountImage() mounts a file, with a path of any length and without leaving anything mounted",
  (t) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "varve-image-"));
    const deep = path.join(folder, ..."abcd".split("").map((letter) => letter.repeat(100)));
    mkdirSync(deep, { recursive: true });
    mkdirSync(path.join(folder, "root"));
    mkdirSync(path.join(folder, "content"));
    writeFileSync(path.join(folder, "content/file"), "text");
    spawnSync("mkfs.erofs", [path.join(deep, "image"), path.join(folder, "content")]);
    const { stdout, stderr } = inOwnProcess(`${PRELUDE}
    mountImage({ kind: "image", image: ${JSON.stringify(path.join(deep, "image"))}, devices: [], target: ${JSON.stringify(folder)} + "/root" });
    console.log(readFileSync(${JSON.stringify(folder)} + "/root/file", "utf8"));`);
    t.is(stdout, "text\n", stderr);
    rmSync(folder, { recursive: true });
  },
);

const refusals = [
  { why: "an absent image", content: undefined, code: "LAYER_CORRUPT" },
  { why: "a file of zeros", content: Buffer.alloc(8192), code: "LAYER_CORRUPT" },
] as const;

for (const { why, content, code } of refusals) {
  testIf("erofs")(`mountImage() of ${why} throws ${code}`, (t) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "varve-image-"));
    if (content !== undefined) writeFileSync(path.join(folder, "image"), content);
    const { stdout, stderr } = inOwnProcess(`${PRELUDE}
      try { mountImage({ kind: "image", image: ${JSON.stringify(folder)} + "/image", devices: [], target: ${JSON.stringify(folder)} }); }
      catch (error) { console.log(error.code, error.path); }`);
    t.is(stdout, `${code} ${folder}/image\n`, stderr);
    rmSync(folder, { recursive: true });
  });
}

testIf("erofs", "mkfs.erofs")(
  "mountImage() of an image on tmpfs, which holds no images, goes through a loop device that goes with it",
  (t) => {
    const { stdout, stderr } = inOwnProcess(`${PRELUDE}
    import { mkdirSync, writeFileSync } from "node:fs";
    import { tinyImage } from "BUILD/overlay/mounts/tiny-image.js";
    mount({ source: "x", target: "/mnt", type: "tmpfs" });
    mkdirSync("/mnt/root");
    writeFileSync("/mnt/image", tinyImage());
    mountImage({ kind: "image", image: "/mnt/image", devices: [], target: "/mnt/root" });
    console.log(readdirSync("/mnt/root").length, / (\\/dev\\/loop\\d+) ro/.exec(readFileSync("/proc/self/mountinfo", "utf8"))[1]);`);
    const [, device] = /^0 \/dev\/(loop\d+)\n$/.exec(stdout) ?? t.fail(stderr) ?? [];
    // Another process may have taken the number since.
    const file = `/sys/block/${device}/loop/backing_file`;
    t.not(existsSync(file) ? readFileSync(file, "utf8").trim() : undefined, "/mnt/image");
  },
);

testIf("erofs", "mkfs.erofs")(
  "mountImage() mounts an image whose contents stand in another, and tells why it can't on tmpfs",
  (t) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "varve-image-"));
    for (const name of ["root", "content"]) mkdirSync(path.join(folder, name));
    writeFileSync(path.join(folder, "content/file"), "text".repeat(5000));
    const blob = path.join(folder, "blob");
    spawnSync("mkfs.erofs", [`--blobdev=${blob}`, "--chunksize=4096", path.join(folder, "image"), path.join(folder, "content")]);
    const { stdout, stderr } = inOwnProcess(`${PRELUDE}
    import { copyFileSync, mkdirSync } from "node:fs";
    const folder = ${JSON.stringify(folder)};
    mountImage({ kind: "image", image: folder + "/image", devices: [folder + "/blob"], target: folder + "/root" });
    console.log(readFileSync(folder + "/root/file", "utf8") === "text".repeat(5000));
    mount({ source: "x", target: "/mnt", type: "tmpfs" });
    copyFileSync(folder + "/image", "/mnt/image");
    mkdirSync("/mnt/root");
    try { mountImage({ kind: "image", image: "/mnt/image", devices: [folder + "/blob"], target: "/mnt/root" }); }
    catch (error) { console.log(error.code, error.hint !== undefined); }`);
    t.is(stdout, "true\nMOUNT_UNAVAILABLE true\n", stderr);
    rmSync(folder, { recursive: true });
  },
);
