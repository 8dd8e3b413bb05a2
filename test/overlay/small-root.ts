import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, linkSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";

const PROGRAMS =
  "sh cat ls echo true false sleep stat id env hostname grep mount kill dd head wc touch chmod chown mkdir rm mv ln readlink tty stty mknod";
const PASSWD = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:50::/home/bob:/bin/sh\n";
const GROUP = "root:x:0:\nstaff:x:50:alice\nalice:x:1000:\nvideo:x:44:alice,bob\n";

/** Makes a root filesystem from this machine's own programs and the libraries that they need. */
export function makeSmallRoot(root: string): void {
  for (const folder of ["bin", "etc", "proc", "sys", "dev", "tmp", "root", "home/alice", "data"]) {
    mkdirSync(path.join(root, folder), { recursive: true });
  }
  for (const program of PROGRAMS.split(" ")) {
    const file = ["/bin", "/usr/bin"].map((folder) => path.join(folder, program)).find(existsSync);
    if (file === undefined) continue;
    copyFileSync(realpathSync(file), path.join(root, "bin", program));
    for (const library of librariesOf(file)) copyLibrary(root, library);
  }
  writeFileSync(path.join(root, "etc/passwd"), PASSWD);
  writeFileSync(path.join(root, "etc/group"), GROUP);
  writeFileSync(path.join(root, "etc/hostname"), "of-the-image\n");
  writeFileSync(path.join(root, "data/not-a-program"), "text\n", { mode: 0o644 });
  writeFileSync(path.join(root, "data/no-format"), "\x01\x02 neither ELF nor script\n", { mode: 0o755 });
  writeFileSync(path.join(root, "data/no-interpreter"), "#!/absent\n", { mode: 0o755 });
  makePrograms(path.join(root, "data"), path.join(root, "bin/true"));
  writeFileSync(path.join(root, "data/one-name"), "of two names\n");
  linkSync(path.join(root, "data/one-name"), path.join(root, "data/other-name"));
  symlinkSync("/absent", path.join(root, "data/dangling"));
}

/** Files with execute permission, of which the kernel starts `script-1` to `script-5` alone. */
function makePrograms(folder: string, elf: string): void {
  const write = (name: string, content: string | Buffer): void =>
    writeFileSync(path.join(folder, name), content, { mode: 0o755 });
  const foreign = readFileSync(elf);
  foreign[18] = process.arch === "x64" ? 183 : 62;
  write("foreign", foreign);
  write("elf-magic", "\x7fELF");
  write("carriage-return", "#!/bin/sh\r\n");
  write("own-interpreter", "#!/data/own-interpreter\n");
  write("of-directory", "#!/bin\n");
  write("of-text", "#!/data/not-a-program\n");
  write("of-no-format", "#!/data/no-format\n");
  // Each is the interpreter of the next; the first one's is no script.
  write("script-1", "#!/bin/echo\n");
  for (const n of [2, 3, 4, 5, 6]) write(`script-${n}`, `#!/data/script-${n - 1}\n`);
}

function librariesOf(program: string): readonly string[] {
  const { stdout } = spawnSync("ldd", [program], { encoding: "utf8" });
  return stdout.match(/\/[^ ]+(?= \(0x)/g) ?? [];
}

function copyLibrary(root: string, library: string): void {
  const target = path.join(root, library);
  mkdirSync(path.dirname(target), { recursive: true });
  if (!existsSync(target)) copyFileSync(realpathSync(library), target);
}

/** An EROFS image of a folder, by the system's own tool. */
export function makeImage(root: string, image: string): void {
  execFileSync("mkfs.erofs", [image, root], { stdio: "ignore" });
}
