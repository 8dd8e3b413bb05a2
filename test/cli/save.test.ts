// What goes out, read by others: podman, skopeo and umoci.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";

const test = testIf("root", "overlay", "podman", "skopeo", "umoci").serial;

/** Everything that a tar can hold, and a change that has each kind of difference. */
const FIRST = `
  cd root; mkdir -p opt/app opt/gone var/x; echo one > opt/app/file; echo same > opt/app/linked; ln opt/app/linked opt/second
  echo old > opt/gone/file; ln -s /etc opt/link; mkfifo opt/fifo; mknod opt/device c 1 3; chmod 4755 opt/app/file
  setfattr -n user.note -v $'a\\nb' opt/app/file; setcap cap_net_raw+ep bin/dd 2>/dev/null || true
  chown 7:8 opt/app; touch -d @-5.5 opt/app/file; echo x > $'var/x/\\xff\\n'; truncate -s 1M var/sparse; echo end >> var/sparse
`;
const SECOND = `
  cd root; rm -r opt/gone opt/second; echo two > opt/app/file; mkdir opt/new; echo n > opt/new/file; chmod 700 var/x
  rm opt/link; mkdir opt/link; echo in > opt/link/file; rm opt/fifo; echo now-a-file > opt/fifo; ln opt/new/file opt/new/again
`;

function twoCommits(t: ExecutionContext): UserStore {
  const made = userStore(t, undefined);
  for (const [script, message] of [
    [FIRST, "first"],
    [SECOND, "second: what changed"],
  ] as const) {
    const { status, stderr } = spawnSync("bash", ["-ec", script], { cwd: made.home, encoding: "utf8" });
    t.is(status, 0, stderr);
    made.ok("import", "root", "-b", "base", "-m", message, "--change", `LABEL step=${message.length}`);
  }
  return made;
}

function call(t: ExecutionContext, cwd: string, ...[program = "", ...words]: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, { cwd, encoding: "utf8", maxBuffer: 2 ** 26 });
  t.is(status, 0, `${program} ${words.join(" ")}: ${stderr}`);
  return stdout.trim();
}

test("save of a layout where no directory can be made ends, and says so", (t) => {
  const { run } = userStore(t, undefined);
  t.is(run("save", "base", "--format", "oci-dir", "-o", "/proc/varve-layout").status, 52);
});

/** podman with a storage of its own. */
function podmanIn(t: ExecutionContext, home: string): (...words: readonly string[]) => string {
  const places = ["--root", path.join(home, "podman"), "--runroot", path.join(home, "podman-run")];
  t.teardown(() => void spawnSync("podman", [...places, "rmi", "-f", "-a"]));
  return (...words) => call(t, home, "podman", "--cgroup-manager=cgroupfs", "--runtime", "runc", ...places, ...words);
}

test("podman loads what is saved, and shows the tree of the commit, and its history", (t) => {
  const { home, ok, run } = twoCommits(t);
  ok("save", "base", "--name", "team/base:1", "-o", "out.tar");
  const podman = podmanIn(t, home);
  t.regex(podman("load", "-i", "out.tar"), /team\/base:1/);
  const mounted = podman("image", "mount", "team/base:1");
  const { status, stdout } = run("diff", "--exit-code", "base", mounted);
  podman("image", "umount", "team/base:1");
  // podman gives each image's root a mode of its own.
  t.is(stdout.replace(/^M  \/  mode 0755→0555 mtime\n/, ""), "");
  t.true(status === 0 || stdout !== "");
  const history = JSON.parse(podman("history", "--format", "json", "team/base:1")) as { comment: string }[];
  t.deepEqual(
    history.map(({ comment }) => comment),
    ["second: what changed", "first", "base"],
  );
  t.is(podman("inspect", "--format", '{{index .Labels "step"}}', "team/base:1"), "20");
});

testIf("root", "overlay", "podman", "runc").serial("podman runs what is saved", (t) => {
  const { home, ok } = userStore(t, undefined);
  ok("save", "base", "--name", "team/base:1", "-o", "out.tar");
  const podman = podmanIn(t, home);
  podman("load", "-q", "-i", "out.tar");
  const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
  const script = "cat /etc/passwd; exec 2>&1; test -w / && echo writes; exit 0";
  const printed = podman("run", "--rm", "--network", "none", ...limits, "team/base:1", "/bin/sh", "-c", script);
  t.is(printed, `${ok("cat", "base:/etc/passwd")}writes`);
});

test("umoci unpacks what is saved as a layout: each DiffID is right, and the tree is the commit's", (t) => {
  const { home, ok, run } = twoCommits(t);
  ok("save", "base", "--format", "oci-dir", "-o", "layout");
  call(t, home, "umoci", "unpack", "--image", "layout:latest", "bundle");
  const { status, stdout } = run("diff", "--exit-code", "base", "bundle/rootfs");
  t.is(stdout, "");
  t.is(status, 0);
  t.is(run("save", "base", "--format", "oci-dir", "-o", "layout").status, 36);
});

test("skopeo reads the archive in both its forms, and finds one image", (t) => {
  const { home, ok } = twoCommits(t);
  ok("save", "base", "-o", "out.tar");
  ok("save", "base", "--format", "oci-archive", "-o", "oci.tar");
  const ids = ["docker-archive:out.tar", "oci-archive:out.tar", "oci-archive:oci.tar"].map((source) => {
    call(t, home, "skopeo", "copy", "-q", source, `dir:${source.replace(/\W/g, "-")}`);
    return createHash("sha256")
      .update(call(t, home, "skopeo", "inspect", "--raw", "--config", source))
      .digest("hex");
  });
  t.is(new Set(ids).size, 1);
  const { image } = (JSON.parse(ok("--json", "save", "base", "-o", "again.tar")) as { images: { image: string }[] }).images[0]!;
  t.is(image, `sha256:${ids[0]}`);
});

test("an image that came in goes out with the same id, and with the same manifest where its blobs were kept", (t) => {
  const { home, ok, run } = twoCommits(t);
  const podman = podmanIn(t, home);
  ok("save", "base", "--name", "team/base:1", "-o", "out.tar");
  podman("load", "-q", "-i", "out.tar");
  for (const format of ["docker-archive", "oci-archive"])
    podman("save", "-q", "--format", format, "-o", `${format}.tar`, "team/base:1");
  const id = podman("inspect", "--format", "{{.Id}}", "team/base:1");
  const other = ["--store", path.join(home, "other")];
  for (const format of ["docker-archive", "oci-archive"]) {
    ok(...other, "load", `${format}.tar`, "--name", `from/${format}:1`);
    t.is(run("diff", "--exit-code", "base", "base").status, 0);
    const saved = JSON.parse(ok(...other, "--json", "save", `from/${format}:1`, "-o", `${format}.back.tar`)) as {
      images: { image: string; manifest: string; sameImage: boolean }[];
    };
    t.is(saved.images[0]!.image, `sha256:${id}`);
    t.true(saved.images[0]!.sameImage);
    if (format === "oci-archive")
      t.is(
        saved.images[0]!.manifest,
        call(t, home, "skopeo", "inspect", "--format", "{{.Digest}}", "oci-archive:oci-archive.tar"),
      );
  }
  t.is(
    ok(...other, "--json", "show", "-s", "from/oci-archive:1").match(/"tree":"(\w+)"/)?.[1],
    ok("--json", "show", "-s", "base").match(/"tree":"(\w+)"/)?.[1],
  );
});

test("the same commit gives the same bytes, to a file and through a pipe", (t) => {
  const { home, ok } = twoCommits(t);
  ok("save", "base", "-o", "one.tar");
  ok("save", "base", "-o", "two.tar");
  const [one, two] = ["one.tar", "two.tar"].map((name) => readFileSync(path.join(home, name)));
  t.true(one!.equals(two!));
  t.is(
    call(t, home, "sh", "-c", `node ${path.resolve("dist/varve.js")} --store store save base | sha256sum | cut -c1-64`),
    createHash("sha256").update(one!).digest("hex"),
  );
});

test("--squash makes one layer of all commits, and keeps their history", (t) => {
  const { home, ok, run } = twoCommits(t);
  ok("save", "base", "--squash", "--format", "oci-dir", "-o", "layout");
  call(t, home, "umoci", "unpack", "--image", "layout:latest", "bundle");
  t.is(run("diff", "--exit-code", "base", "bundle/rootfs").stdout, "");
  const config = JSON.parse(call(t, home, "skopeo", "inspect", "--config", "oci:layout:latest")) as {
    history: { comment: string; empty_layer?: boolean }[];
    rootfs: { diff_ids: string[] };
  };
  t.is(config.rootfs.diff_ids.length, 1);
  t.deepEqual(
    config.history.map(({ comment, empty_layer: isEmpty = false }) => [comment, isEmpty]),
    [
      ["base", true],
      ["first", true],
      ["second: what changed", false],
    ],
  );
});

test("names that layers can't hold are refused before anything is written; sockets are told, or refused with --strict", (t) => {
  const { home, ok, run } = userStore(t, undefined);
  mkdirSync(path.join(home, "root/opt"), { recursive: true });
  writeFileSync(path.join(home, "root/opt/.wh.file"), "");
  ok("import", "root", "-b", "base");
  for (const words of [
    ["save", "base"],
    ["save", "base", "--squash"],
  ]) {
    const refused = run(...words, "-o", "out.tar");
    t.is(refused.status, 44);
    t.regex(refused.stderr, /\/opt\/\.wh\.file/);
    t.false(existsSync(path.join(home, "out.tar")));
  }
  t.deepEqual(
    readdirSync(home).filter((name) => name.startsWith("out")),
    [],
  );
  const socket = spawnSync("python3", ["-c", "import socket; socket.socket(socket.AF_UNIX).bind('root/opt/socket')"], {
    cwd: home,
  });
  t.is(socket.status, 0);
  spawnSync("rm", ["root/opt/.wh.file"], { cwd: home });
  ok("import", "root", "-b", "base");
  t.regex(run("save", "base", "-o", "out.tar", "--squash").stderr, /Left out \/opt\/socket/);
  t.is(run("save", "base", "-o", "strict.tar", "--squash", "--strict").status, 44);
  t.false(existsSync(path.join(home, "strict.tar")));
});

test("import of an archive of images says that load is meant", (t) => {
  const { ok, run } = userStore(t, undefined);
  ok("save", "base", "-o", "out.tar");
  t.regex(run("import", "out.tar", "-b", "wrong").stderr, /archive of images[\s\S]*varve undo; varve load out\.tar/);
  t.notRegex(run("import", "root.tar", "-b", "right", "-m", "a tree").stderr, /archive of images/);
});

test("more layers than docker takes are refused, with what to do", (t) => {
  const { home, ok, run } = userStore(t, undefined);
  for (let number = 0; number < 126; number += 1) {
    writeFileSync(path.join(home, "root/number"), String(number));
    ok("import", "root", "-b", "base", "-m", String(number));
  }
  const { status, stderr } = run("save", "base", "-o", "out.tar");
  t.is(status, 44);
  t.regex(stderr, /127 layers.*125[\s\S]*--squash/);
  ok("save", "base", "--squash", "-o", "out.tar");
});

test("a file that is named as a last word is said to want -o", (t) => {
  const { home, run } = userStore(t, undefined);
  for (const file of ["out.tar", path.join(home, "out")]) {
    const { status, stdout, stderr } = run("save", "base", file);
    t.is(status, 20);
    t.is(stdout, "");
    t.true(stderr.includes(`Did you mean "varve save base -o ${file}"?`), stderr);
  }
  t.notRegex(run("save", "base", "bas").stderr, /-o/);
});

test("push with the place first, as in git, says which comes first", (t) => {
  const { run } = userStore(t, undefined);
  const { status, stderr } = run("push", "127.0.0.1:1/app:1", "base");
  t.is(status, 20);
  t.true(stderr.includes('Did you mean "varve push base 127.0.0.1:1/app:1"?'), stderr);
  t.notRegex(run("push", "127.0.0.1:1/app:1", "127.0.0.1:1/app:2").stderr, /push/);
});
