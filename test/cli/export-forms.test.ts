// Disk images and LXC containers, as mount(8), e2fsck, fsck.erofs and LXC read them.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { inMountedImage } from "../helpers/mounted-image.js";
import { asUser, giveTo, LONE_USER } from "../helpers/ordinary-user.js";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";
import { interrupted } from "./interrupted-command.js";

const test = testIf("erofs", "mke2fs", "e2fsck", "fsck.erofs", "getfattr", "setfacl", "setcap").serial;
const testLxc = testIf("overlay", "lxc-execute", "lxc-start").serial;

/** Each property that a root filesystem has. */
const ALL = `
  cd root; mkdir -p opt/d var/x; echo one > opt/file; ln opt/file opt/again; ln -s /etc opt/link; ln opt/link opt/link2
  mkfifo opt/fifo; mknod opt/null c 1 3; mknod opt/disk b 259 70000; echo x > $'var/x/\\xff\\n"'; chmod 6755 opt/file
  touch -d @-5.000000007 opt/file; touch -d @4102444800.000000005 opt/link -h; setfattr -n user.note -v $'a\\nb' opt/file
  setfattr -h -n trusted.of-link -v x opt/link; setfacl -m u:70000:rw,g:5:r opt/d; setfacl -d -m u:1:rwx opt/d
  cp bin/sh var/x/program; setcap cap_net_raw+ep var/x/program; chown 100000:4294967294 var/x
  ${process.execPath} -e 'require("node:net").createServer().listen("opt/s", () => { fs.renameSync("opt/s", "opt/socket"); process.exit() })'
  truncate -s 10M var/sparse; echo middle | dd of=var/sparse bs=1 seek=5000000 conv=notrunc status=none; touch -d @1700000000.123456789 opt
`;
const LISTING = `
  find . -printf '%P %y %m %U:%G %T@ %n %l\\n' | sort | cat -v; find . -type f -printf '%P %s\\n' | sort | cat -v
  find . -type f | sort | xargs -d '\\n' -n1 md5sum 2>/dev/null | sort; stat -c '%n %t:%T' opt/null opt/disk
  find . -print0 | sort -z | xargs -0 getfattr -hd -m - -e hex
`;

/** SEEK_HOLE and SEEK_DATA from the front on: EROFS tells stat(2) of no holes. */
const HOLES = `perl -e 'open F, "<", "var/sparse"; print sysseek(F, 0, 3) . " "; print sysseek(F, 4 << 20, 3) . " "; print sysseek(F, 5 << 20, 4)'`;

function rich(t: ExecutionContext, script = ALL): UserStore {
  const made = userStore(t, undefined);
  bash(t, made.home, script);
  made.ok("import", "root", "-b", "rich", "-m", "rich");
  return made;
}

function bash(t: ExecutionContext, cwd: string, script: string): string {
  const { status, stdout, stderr } = spawnSync("bash", ["-ec", script], { cwd, encoding: "latin1", maxBuffer: 1 << 28 });
  t.is(status, 0, stderr);
  return stdout;
}

function outcome(t: ExecutionContext, program: string, ...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8" });
  t.is(status, 0, stdout + stderr);
  return stdout + stderr;
}

/** Nothing of an export that failed stays beside it. */
function isNothingLeft(t: ExecutionContext, home: string, ...names: string[]): void {
  const left = readdirSync(home).filter((name) => names.some((each) => name.startsWith(each)));
  t.deepEqual(left, []);
}

for (const format of ["ext4", "erofs"]) {
  test(`export --format ${format} writes an image that mount(8) shows as the tree was, bit for bit`, (t) => {
    const { home, ok } = rich(t);
    t.is(ok("export", "rich", "--format", format, "-o", "disk.img"), "");
    const image = path.join(home, "disk.img");
    if (format === "ext4") outcome(t, "e2fsck", "-fn", image);
    else outcome(t, "fsck.erofs", image);
    t.is(inMountedImage(t, image, LISTING), bash(t, path.join(home, "root"), LISTING));
    isNothingLeft(t, home, "disk.img.");
  });
}

test("export --format ext4 and erofs keep holes, and the image itself is sparse", (t) => {
  const { home, ok } = rich(t);
  for (const format of ["ext4", "erofs"]) {
    ok("export", "rich", "--format", format, "-o", format);
    const { size, blocks } = statSync(path.join(home, format));
    t.true(blocks * 512 < 24 << 20, `${format}: ${blocks}`);
    if (format === "ext4") t.true(size >= 64 << 20);
    t.is(inMountedImage(t, path.join(home, format), HOLES), bash(t, path.join(home, "root"), HOLES), format);
  }
});

test("export --format erofs gives the same bytes for the same tree, whatever store and history it has", (t) => {
  const { home, ok } = rich(t);
  bash(t, home, "rm root/opt/socket; mkdir root/once");
  ok("import", "root", "-b", "rich", "-m", "without a socket");
  bash(t, home, "rmdir root/once; touch -d @5 root");
  ok("import", "root", "-b", "rich", "-m", "as it was");
  ok("export", "rich", "-o", "all.tar");
  ok("--store", "other", "import", "all.tar", "-b", "as-tar", "-m", "all at once");
  ok("export", "rich", "--format", "erofs", "-o", "one.erofs");
  ok("export", "rich", "--format", "erofs", "-o", "two.erofs");
  ok("--store", "other", "export", "as-tar", "--format", "erofs", "-o", "three.erofs");
  const [one, two, three] = ["one", "two", "three"].map((name) => readFileSync(path.join(home, `${name}.erofs`)));
  t.true(one!.equals(two!));
  t.true(one!.equals(three!));
});

test("export --format erofs of a long history is one image, which needs no other", (t) => {
  const { home, ok } = rich(t);
  for (const each of [1, 2, 3]) {
    bash(t, home, `cd root; head -c 100000 /dev/urandom > var/new${each}; rm -f var/new${each - 1}`);
    ok("import", "root", "-b", "rich", "-m", `step ${each}`);
  }
  ok("export", "rich", "--format", "erofs", "-o", "disk.erofs");
  const hidden = `mv store/layers layers; trap 'mv layers store/layers' EXIT`;
  t.regex(outcome(t, "bash", "-ec", `cd ${home}; ${hidden}; fsck.erofs --extract disk.erofs; ls store`), /^blobs/);
  t.is(inMountedImage(t, path.join(home, "disk.erofs"), LISTING), bash(t, path.join(home, "root"), LISTING));
});

test("export --format ext4 --size with just what it says the tree needs has room for it; with less it fails", (t) => {
  const { home, ok, run } = rich(
    t,
    `cd root; mkdir many; cd many; for n in $(seq 3000); do echo $n > "$n"; done; head -c 20M /dev/urandom > big`,
  );
  const refused = run("export", "rich", "--format", "ext4", "--size", "8m", "-o", "disk.img");
  t.is(refused.status, 51);
  t.regex(refused.stderr, /error: Cannot make an ext4 image of 8388608 bytes: the tree needs \d+\n.*--size \d+m/s);
  isNothingLeft(t, home, "disk.img");
  const [, size] = /--size (\d+)m/.exec(refused.stderr)!;
  t.is(run("export", "rich", "--format", "ext4", "--size", `${Number(size) - 1}m`, "-o", "disk.img").status, 51);
  ok("export", "rich", "--format", "ext4", "--size", `${size}m`, "-o", "disk.img");
  t.is(statSync(path.join(home, "disk.img")).size, Number(size) << 20);
  outcome(t, "e2fsck", "-fn", path.join(home, "disk.img"));
  t.is(inMountedImage(t, path.join(home, "disk.img"), "ls many | wc -l").trim(), "3001");
});

test("export --format ext4 gives the same uuid for the same tree, and tells what it wrote", (t) => {
  const { home, ok } = rich(t);
  const uuids = ["rich", "rich", "base"].map((revision, index) => {
    const told = JSON.parse(ok("--json", "export", revision, "--format", "ext4", "-o", `${index}.img`)) as object;
    const { size: bytes } = statSync(path.join(home, `${index}.img`));
    t.deepEqual(told, { file: `${index}.img`, format: "ext4", skipped: [], losses: [], bytes });
    return outcome(t, "dumpe2fs", "-h", path.join(home, `${index}.img`)).match(/UUID:\s+(\S+)/)?.[1];
  });
  t.is(uuids[0], uuids[1]);
  t.not(uuids[0], uuids[2]);
});

test("export --format ext4 holds xattrs of 64 KiB, and tells of those that have no room for their names", (t) => {
  const names = Array.from({ length: 20 }, (_, index) => `user.${"n".repeat(240)}${index}`);
  const script = `cd root; echo x > large; setfattr -n user.big -v 0x${"ab".repeat(60_000)} large || exit 9; echo y > many
    ${names.map((name) => `setfattr -n ${name} -v v many`).join("\n")}`;
  const made = userStore(t, undefined);
  // This machine's own filesystem may hold no more than ext4.
  bash(t, made.home, `mkdir disk; mv root disk.root; mkdir root`);
  const words = ["--mount", "bash", "-ec", `mount -t tmpfs none root; cp -a disk.root/. root/; ${script}; cd ..; exec "$0" "$@"`];
  const varve = [process.execPath, BUILT_COMMAND, "--store", made.store, "import", "root", "-b", "rich", "-m", "x"];
  const { status, stderr } = spawnSync("unshare", [...words, ...varve], { cwd: made.home, encoding: "utf8" });
  if (/setfattr/.test(stderr)) return t.log("this kernel's tmpfs holds no such xattrs");
  t.is(status, 0, stderr);
  const told = made.run("export", "rich", "--format", "ext4", "-o", "disk.img");
  t.is(told.status, 0, told.stderr);
  t.regex(
    told.stderr,
    /^varve: warning: An ext4 image can't hold all of \/many: its xattr "user\.n+\d+" of 1 bytes does not fit in\.$/m,
  );
  t.notRegex(told.stderr, /large/);
  outcome(t, "e2fsck", "-fn", path.join(made.home, "disk.img"));
  const value = inMountedImage(t, path.join(made.home, "disk.img"), "getfattr -n user.big -e hex --only-values large | wc -c");
  t.is(value.trim(), "60000");
  const strict = made.run("export", "rich", "--format", "ext4", "--strict", "-o", "strict.img");
  t.is(strict.status, 44);
  t.regex(strict.stderr, /Cannot make an ext4 image of it without loss: \/many: /);
  isNothingLeft(t, made.home, "strict.img");
  made.ok("export", "rich", "--format", "erofs", "--strict", "-o", "disk.erofs");
  const kept = inMountedImage(t, path.join(made.home, "disk.erofs"), "getfattr -d many | grep -c user");
  t.is(kept.trim(), "20");
});

test("export --format ext4 of a directory with 30,000 names takes seconds", (t) => {
  const { home, ok } = rich(t, `cd root; mkdir many; cd many; seq -f 'a-name-of-some-length-%06g' 30000 | xargs touch`);
  const start = Date.now();
  ok("export", "rich", "--format", "ext4", "-o", "disk.img");
  // By mke2fs -d it would take 40 on a machine at rest.
  t.true(Date.now() - start < 30_000);
  outcome(t, "e2fsck", "-fn", path.join(home, "disk.img"));
});

test("export --format ext4 needs root, erofs does not, and each says what it wants", (t) => {
  const made = userStore(t, LONE_USER, String(LONE_USER.uid));
  const refused = made.run("export", "base", "--format", "ext4", "-o", "disk.img");
  t.is(refused.status, 53);
  t.regex(refused.stderr, /Cannot make an ext4 image: this user may not mount it, wanted root\n.*--format erofs/s);
  isNothingLeft(t, made.home, "disk.img");
  made.ok("export", "base", "--format", "erofs", "-o", "disk.erofs");
  const { uid, mode } = statSync(path.join(made.home, "disk.erofs"));
  t.deepEqual([uid, mode & 0o777], [LONE_USER.uid, 0o644]);
  outcome(t, "fsck.erofs", path.join(made.home, "disk.erofs"));
  t.regex(inMountedImage(t, path.join(made.home, "disk.erofs"), "ls"), /^etc$/m);
});

test("export --format ext4 without mke2fs names the package", (t) => {
  const { home, store } = rich(t);
  const masked = `for f in $(which -a mke2fs); do mount --bind /dev/null "$(readlink -f "$f")"; done; exec "$0" "$@"`;
  const words = [process.execPath, BUILT_COMMAND, "--store", store, "export", "rich", "--format", "ext4", "-o", "disk.img"];
  const { status, stderr } = spawnSync("unshare", ["--mount", "bash", "-ec", masked, ...words], { cwd: home, encoding: "utf8" });
  t.is(status, 125, stderr);
  t.regex(stderr, /Cannot make an ext4 image: there is no mke2fs\(8\)\n.*"e2fsprogs"/s);
  isNothingLeft(t, home, "disk.img");
});

test("export --format ext4 without loop devices says so, and what needs none", (t) => {
  const { home, store } = rich(t);
  const words = [process.execPath, BUILT_COMMAND, "--store", store, "export", "rich", "--format", "ext4", "-o", "disk.img"];
  const script = 'mount -t tmpfs none /dev; exec "$0" "$@"';
  const { status, stderr } = spawnSync("unshare", ["--mount", "bash", "-ec", script, ...words], { cwd: home, encoding: "utf8" });
  t.is(status, 53, stderr);
  t.regex(stderr, /Cannot fill an ext4 image: \w+ of \/dev\/loop-control says ENOENT\n.*modprobe loop.*--format erofs/s);
  isNothingLeft(t, home, "disk.img");
});

test("a form that was asked for wrongly is refused before anything is written", (t) => {
  const { home, run } = rich(t);
  bash(t, home, "mkfifo pipe; mkdir full; touch full/file; echo old > old.img");
  const cases: readonly (readonly [status: number, says: RegExp, ...words: string[]])[] = [
    [2, /Cannot read --format "iso": wanted tar or ext4 or erofs or lxc/, "--format", "iso", "-o", "x"],
    [2, /Cannot write an EROFS image to stdout: wanted -o FILE/, "--format", "erofs"],
    [2, /Cannot write an ext4 image to stdout: wanted -o FILE/, "--format", "ext4", "-o", "-"],
    [2, /Cannot write an LXC container to stdout: wanted -o DIR/, "--format", "lxc"],
    [2, /Cannot read --size "much": wanted a size/, "--format", "ext4", "--size", "much", "-o", "x"],
    [2, /Cannot give a size to --format erofs/, "--format", "erofs", "--size", "1g", "-o", "x"],
    [2, /Cannot give a size to --format tar/, "--size", "1g", "-o", "x"],
    [22, /its directory does not exist/, "--format", "erofs", "-o", "none/x"],
    [22, /Cannot export "\/none"/, "--format", "erofs", "-o", "x", "--", "/none"],
    [22, /Cannot export "\/none"/, "--format", "ext4", "-o", "x", "--", "/none"],
    [22, /Cannot export "\/none"/, "--format", "lxc", "-o", "x", "--", "/none"],
    [23, /wanted a plain file/, "--format", "erofs", "-o", "pipe"],
    [23, /wanted a plain file/, "--format", "ext4", "-o", "full"],
    [23, /no directory/, "--format", "lxc", "-o", "old.img"],
    [36, /it holds files, wanted an empty directory/, "--format", "lxc", "-o", "full"],
    [51, /Cannot make an ext4 image of 4096 bytes/, "--format", "ext4", "--size", "4k", "-o", "old.img"],
  ];
  for (const [status, says, ...words] of cases) {
    const told = run("export", "rich", ...words);
    t.regex(told.stderr, says, words.join(" "));
    t.is(told.status, status, words.join(" "));
    isNothingLeft(t, home, "x", "pipe.", "full.", "old.img.");
  }
  t.deepEqual(readdirSync(path.join(home, "full")), ["file"]);
  t.is(readFileSync(path.join(home, "old.img"), "utf8"), "old\n");
});

test("export --strict refuses to leave out a socket, and then writes nothing", (t) => {
  const { home, run } = rich(t);
  const told = run("export", "rich", "--strict", "-o", "out.tar");
  t.is(told.status, 44);
  t.regex(told.stderr, /Cannot make a tar of it without loss: \/opt\/socket: it is a socket\n/);
  isNothingLeft(t, home, "out.tar");
});

test("a part of a tree becomes an image of that part", (t) => {
  const { home, ok } = rich(t);
  for (const format of ["ext4", "erofs"]) {
    ok("export", "rich", "--format", format, "-o", `${format}.img`, "--", "opt", "!opt/d");
    t.deepEqual(
      inMountedImage(t, path.join(home, `${format}.img`), "ls; ls opt")
        .trim()
        .split("\n")
        .slice(0, 1),
      ["opt"],
    );
    t.notRegex(inMountedImage(t, path.join(home, `${format}.img`), "ls opt"), /^d$/m);
  }
});

for (const format of ["ext4", "erofs", "lxc"]) {
  testIf("erofs", "mke2fs", "strace").serial(
    `export --format ${format} that is interrupted leaves nothing, no mount and no loop device`,
    async (t) => {
      const made = rich(t, `cd root; mkdir many; cd many; seq 20000 | xargs touch; head -c 50M /dev/urandom > big`);
      const { home, store } = made;
      writeFileSync(path.join(home, "out.old"), "");
      const loops = (): string => outcome(t, "losetup", "--list", "--noheadings", "--output", "BACK-FILE");
      const isBegun = (): boolean => readdirSync(home).some((name) => /^out($|\.varve)/.test(name));
      const slow = format === "erofs" ? (["pwrite64", 20] as const) : (["utimensat", 1] as const);
      const words = ["--store", store, "export", "rich", "--format", format, "-o", "out"];
      const ended = await interrupted({ home, words, signal: "SIGTERM", when: isBegun, slow });
      t.is(ended.status, 143, ended.stderr);
      t.deepEqual(
        readdirSync(home).filter((name) => /^out/.test(name)),
        ["out.old"],
      );
      t.notRegex(loops(), new RegExp(home));
      t.notRegex(readFileSync("/proc/mounts", "utf8"), new RegExp(home));
    },
  );
}

/** A store whose branch `web` has a config. */
function withConfig(t: ExecutionContext, ...changes: string[]): UserStore {
  const made = userStore(t, undefined);
  bash(
    t,
    made.home,
    `cd root; mkdir -p srv; echo 'web:x:1000:1001::/:/bin/sh' >> etc/passwd; echo 'www:x:33:' >> etc/group
    printf 'echo "$GREETING from $PWD as $(id -u):$(id -g)"; cat /proc/net/dev | grep -c :\\n' > srv/hello`,
  );
  made.ok("import", "root", "-b", "web", "-m", "web", ...changes.flatMap((change) => ["--change", change]));
  return made;
}

testLxc(
  "export --format lxc makes a container that lxc-start and lxc-execute run, with the image's command, environment and user",
  (t) => {
    const { home, ok } = withConfig(
      t,
      'ENTRYPOINT ["/bin/sh"]',
      'CMD ["/srv/hello"]',
      'ENV GREETING="hi there"',
      "WORKDIR /srv",
      "USER web",
    );
    t.is(ok("export", "web", "--format", "lxc", "--strict", "-o", "lxc/web"), "");
    t.deepEqual(readdirSync(path.join(home, "lxc/web")), ["config", "rootfs"]);
    chmodSync(home, 0o755);
    outcome(t, "lxc-start", "-F", "-P", path.join(home, "lxc"), "-n", "web", "-L", path.join(home, "console"));
    t.is(readFileSync(path.join(home, "console"), "utf8").replaceAll("\r", ""), "hi there from /srv as 1000:1001\n1\n");
    const words = ["-P", path.join(home, "lxc"), "-n", "web", "--", "/bin/sh", "-c", "hostname; id -u; echo $GREETING"];
    t.is(outcome(t, "lxc-execute", ...words), "web\n1000\nhi there\n");
    t.regex(outcome(t, "lxc-ls", "-P", path.join(home, "lxc"), "-1"), /^web$/m);
  },
);

testIf("overlay", "oci-runtime").serial(
  "a container as it is now becomes an LXC container, with the image config of its last commit",
  (t) => {
    const { home, ok } = withConfig(t, 'CMD ["/srv/hello"]', "ENV GREETING=hi");
    ok("run", "--name", "one", "web", "--", "sh", "-c", "echo new > /srv/new");
    ok("export", "@one", "--format", "lxc", "-o", "lxc/one");
    t.is(readFileSync(path.join(home, "lxc/one/rootfs/srv/new"), "utf8"), "new\n");
    const config = readFileSync(path.join(home, "lxc/one/config"), "utf8");
    t.regex(config, /^lxc\.environment = GREETING=hi$/m);
    t.regex(config, /^lxc\.init\.cmd = \/srv\/hello$/m);
    t.notRegex(config, /The tree of commit/);
  },
);

testLxc("the root of an LXC container is the tree, bit for bit", (t) => {
  const { home, ok } = rich(t);
  ok("export", "rich", "--format", "lxc", "-o", "lxc/rich");
  t.is(bash(t, path.join(home, "lxc/rich/rootfs"), LISTING), bash(t, path.join(home, "root"), LISTING));
});

testLxc("what LXC's config can't hold of an image's is told, and with --strict nothing is written", (t) => {
  const { home, run } = withConfig(t, 'CMD ["/bin/echo", "two words"]', 'ENV LINES="a\\nb"', "USER nobody-here");
  const strict = run("export", "web", "--format", "lxc", "--strict", "-o", "lxc/web");
  t.is(strict.status, 44);
  isNothingLeft(t, home, "lxc");
  const told = run("export", "web", "--format", "lxc", "-o", "lxc/web");
  t.is(told.status, 0, told.stderr);
  t.regex(
    told.stderr,
    /^varve: warning: An LXC container can't hold all of config: a word of the command is empty, or holds a blank/m,
  );
  t.regex(told.stderr, /: the tree knows no user "nobody-here"\.$/m);
  t.notRegex(readFileSync(path.join(home, "lxc/web/config"), "utf8"), /init\.(cmd|uid)/);
});

testLxc("an LXC container that can't be written leaves no directory", (t) => {
  const made = userStore(t, LONE_USER);
  mkdirSync(path.join(made.home, "mine"));
  giveTo(LONE_USER, path.join(made.home, "mine"));
  const refused = made.run("export", "base", "--format", "lxc", "-o", "mine/web");
  t.is(refused.status, 50, refused.stderr);
  t.deepEqual(readdirSync(path.join(made.home, "mine")), []);
  const [program, ...before] = asUser(LONE_USER);
  const env = environmentWithVarve(made.home);
  const words = [
    ...before,
    process.execPath,
    BUILT_COMMAND,
    "--store",
    made.store,
    "export",
    "base",
    "--format",
    "lxc",
    "-o",
    "/proc/x/y",
  ];
  t.not(spawnSync(program, words, { env, cwd: made.home }).status, 0);
});
