import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { testIf } from "../helpers/requirements.js";
import { LosslessFilesystem } from "./lossless-filesystem.js";

/** What a target can't hold is refused loudly, and nothing is committed. */
interface Refusal {
  readonly what: string;
  /** Run in a tracked directory that has one commit. */
  readonly make: string;
  readonly code: string;
  /** What the message tells, besides the path. */
  readonly says: RegExp;
}

const REFUSALS: readonly Refusal[] = [
  {
    what: "a character device 0:0, which overlayfs reads as a deletion",
    make: "mknod white c 0 0",
    code: "UNSUPPORTED",
    says: /white/,
  },
  {
    what: "an xattr of 65,536 bytes, where EROFS has 16 bits for the length",
    make: `touch f; python3 -c 'import os; os.setxattr("f", "user.large", b"x" * 65536)'`,
    code: "UNSUPPORTED",
    says: /user\.large/,
  },
  {
    what: "an xattr of 65,536 bytes of a directory",
    make: `mkdir d; python3 -c 'import os; os.setxattr("d", "user.large", b"x" * 65536)'`,
    code: "UNSUPPORTED",
    says: /user\.large/,
  },
];

const losslessTest = testIf("mounts", "mkfs.ext4", "bash", "python3", "tar", "setfattr");
let filesystem: LosslessFilesystem | undefined;
losslessTest.before(() => {
  filesystem = new LosslessFilesystem();
});
losslessTest.after.always(() => filesystem?.close());

for (const { what, make, code, says } of REFUSALS) {
  losslessTest.serial(`commit of ${what}: refused with ${code}, nothing committed`, (t) => {
    const at = filesystem!;
    const directory = mkdtempSync(path.join(at.path, "tracked-"));
    at.varve(["init"], directory);
    at.shell("echo first > file", directory);
    at.varve(["commit", "-m", "first"], directory);
    const before = [head(directory), readdirSync(path.join(directory, ".varve/layers/sha256"))];
    at.shell(make, directory);
    const { status, stdout } = at.try(["--json", "commit", "-m", "second"], directory);
    t.not(status, 0);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string; path?: string; hint?: string } };
    t.is(error.code, code);
    t.regex(`${error.message} ${error.path ?? ""}`, says);
    t.truthy(error.hint);
    t.deepEqual([head(directory), readdirSync(path.join(directory, ".varve/layers/sha256"))], before);
    t.deepEqual(readdirSync(path.join(directory, ".varve/scratch")), []);
  });
}

losslessTest.serial("export of a tree with a socket leaves it out and says so", (t) => {
  const at = filesystem!;
  const directory = mkdtempSync(path.join(at.path, "tracked-"));
  at.varve(["init"], directory);
  at.shell(`python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("a socket")'`, directory);
  at.varve(["commit", "-m", "with a socket"], directory);
  const { status, stderr, stdout } = at.try(["--json", "export", "HEAD", "-o", "out.tar"], directory);
  t.is(status, 0, stderr);
  t.regex(stderr, /a socket.*can't hold/);
  t.deepEqual((JSON.parse(stdout) as { skipped: string[] }).skipped, ["/a socket"]);
});

losslessTest.serial(
  "import of an archive whose xattrs would steer overlayfs or a machine's policy drops them and says so",
  (t) => {
    const at = filesystem!;
    const directory = mkdtempSync(path.join(at.path, "archive-"));
    at.shell(
      "mkdir d; setfattr -n trusted.overlay.opaque -v y d; setfattr -n security.label -v x d; setfattr -n user.kept -v 1 d",
      directory,
    );
    at.shell("tar --format=posix --xattrs --xattrs-include='*' -cf ../hostile.tar .", directory);
    const { status, stderr } = at.try(["--store", `${directory}-store`, "import", "../hostile.tar", "-b", "hostile"], directory);
    t.is(status, 0, stderr);
    t.regex(stderr, /trusted\.overlay\.opaque/);
    t.regex(stderr, /security\.label/);
  },
);

losslessTest.serial("checkout where the filesystem can't hold an xattr fails loudly", (t) => {
  const at = filesystem!;
  const directory = mkdtempSync(path.join(at.path, "tracked-"));
  at.varve(["init"], directory);
  at.shell(`touch f; python3 -c 'import os; os.setxattr("f", "user.large", b"x" * 60000)'`, directory);
  at.varve(["commit", "-m", "large"], directory);
  const plain = smallExt4();
  try {
    const { status, stdout } = at.try(["--json", "checkout", "HEAD", path.join(plain, "mounted/out")], directory);
    t.not(status, 0);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string; path?: string } };
    t.true(["UNSUPPORTED", "DISK_FULL"].includes(error.code), stdout);
    t.regex(`${error.message} ${error.path ?? ""}`, /\bf\b|user\.large/);
  } finally {
    spawnSync("umount", ["--lazy", path.join(plain, "mounted")]);
    rmSync(plain, { recursive: true, force: true });
  }
});

losslessTest.serial("checkout where the filesystem can't hold a time fails loudly", (t) => {
  const at = filesystem!;
  const directory = mkdtempSync(path.join(at.path, "far-"));
  const script = `import tarfile
t = tarfile.open("far.tar", "w", format=tarfile.PAX_FORMAT); i = tarfile.TarInfo("year-2603"); i.mtime = 20000000000; t.addfile(i); t.close()`;
  execFileSync("python3", ["-c", script], { cwd: directory });
  const store = ["--store", path.join(directory, "store")];
  at.varve([...store, "import", "far.tar", "-b", "far"], directory);
  t.regex(at.varve([...store, "--json", "ls", "far"], directory), /2603-10-11T11:33:20\.000000000Z/);
  const { status, stdout } = at.try([...store, "--json", "checkout", "far", "out"], directory);
  t.not(status, 0);
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string; path?: string } };
  t.is(error.code, "UNSUPPORTED");
  t.regex(`${error.message} ${error.path ?? ""}`, /year-2603/);
});

/** Without room for xattrs of more than a block. */
function smallExt4(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "varve-ext4-"));
  mkdirSync(path.join(folder, "mounted"));
  execFileSync("truncate", ["-s", "64M", path.join(folder, "image")]);
  execFileSync("mkfs.ext4", ["-q", "-F", "-O", "^ea_inode", path.join(folder, "image")]);
  execFileSync("mount", ["-o", "loop", path.join(folder, "image"), path.join(folder, "mounted")]);
  return folder;
}

function head(directory: string): string {
  const file = path.join(directory, ".varve/git/refs/heads/main");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
