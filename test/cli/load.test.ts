import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { shell } from "../store/tar/wild-tree.js";
import { BUILT_COMMAND, environmentWithVarve, varve } from "./built-command.js";

/** Images that podman, skopeo and umoci make, loaded by the built command, and compared with what umoci unpacks of them. */
const testReal = testIf(
  "root",
  "podman",
  "skopeo",
  "umoci",
  "tar",
  "zstd",
  "xz",
  "setfattr",
  "getfattr",
  "erofs",
  "overlay",
  "oci-runtime",
);

const CONTAINERFILE = `FROM base:1
LABEL maintainer="Ada <ada@example.com>"
ADD site /srv/site
RUN rm /etc/gone && chmod 700 /srv && ln /srv/site/a /srv/again && rm -r /opt/old
ENV X=1
`;
const MAKE = String.raw`
  make-small-root rootfs
  mkdir -p rootfs/opt/old rootfs/opt/keep; echo gone > rootfs/etc/gone; echo old > rootfs/opt/old/f; echo hi > rootfs/etc/motd; ln rootfs/etc/motd rootfs/opt/keep/motd
  setfattr -n user.note -v hello rootfs/etc/motd; chown 1234:99 rootfs/opt/keep; mkfifo rootfs/opt/pipe; ln -s keep rootfs/opt/link
  mkdir site; echo a > site/a; ln site/a site/b; chown 7:8 site/a; chmod 4755 site/a; touch -d @1500000000 site/a
  tar --xattrs -C rootfs -cf - . | $PODMAN import --message base - base:1
  $PODMAN build -q --layers --isolation chroot -t app:1 .
  $PODMAN save -q -o app.tar app:1; $PODMAN save -q --format oci-archive -o app.oci app:1; $PODMAN save -q --format oci-dir -o app.dir app:1
  skopeo copy -q oci-archive:app.oci oci:layout:app; $PODMAN save -q -o base.tar base:1
  skopeo copy -q docker-archive:app.tar docker-archive:skopeo.tar:app:1
  gzip -k app.tar; zstd -q app.tar; xz -k app.tar`;
const DESCRIBE = String.raw`
  find . -mindepth 1 ! -type l -printf '%P|%y|%m|%U|%G|%n|%Ts\n' | LC_ALL=C sort; find . -type l -printf '%P|%l|%U|%G\n' | LC_ALL=C sort
  find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - -e hex --; find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum`;

interface Made {
  readonly home: string;
  readonly call: (store: string, ...words: readonly string[]) => string;
}

let images: string | undefined;
test.after.always(() => images !== undefined && rmSync(images, { recursive: true, force: true }));

/** The images are made once for all tests of this file. */
function made(t: ExecutionContext): Made {
  const home = temporaryDirectory(t);
  if (images === undefined) {
    images = mkdtempSync(path.join(tmpdir(), "varve-images-"));
    writeFileSync(path.join(images, "Containerfile"), CONTAINERFILE);
    const podman = `podman --root ${images}/root --runroot ${images}/run --storage-driver vfs --cgroup-manager cgroupfs`;
    const env = { ...environmentWithVarve(home), PODMAN: podman };
    execFileSync("bash", ["-ec", MAKE], { cwd: images, env, stdio: ["ignore", "ignore", "pipe"] });
  }
  const call = (store: string, ...words: readonly string[]): string => {
    const { status, stdout, stderr } = varve(["--store", path.join(home, store), ...words], { cwd: images!, home });
    t.is(status, 0, stderr);
    return stdout;
  };
  return { home, call };
}

interface Loaded {
  readonly references: readonly string[];
  readonly commit: string;
  readonly image: string;
  readonly added: number;
}

const load = (call: Made["call"], store: string, ...words: readonly string[]): Loaded =>
  (JSON.parse(call(store, "load", "--json", ...words)) as Loaded[])[0]!;

testReal.serial("load takes what podman and skopeo save, with all that umoci unpacks of it, and its history", (t) => {
  const { home, call } = made(t);
  shell(`umoci unpack --image layout:app ${home}/bundle`, images!);
  const wanted = shell(DESCRIBE, path.join(home, "bundle/rootfs"));
  t.regex(wanted, /^opt\/keep\|d\|755\|1234\|99(.|\n)*^srv\/again/m);
  const id = shell(
    "skopeo inspect --raw oci:layout:app | grep -o '\"config\":{[^}]*' | grep -o 'sha256:[0-9a-f]*'",
    images!,
  ).trim();
  for (const source of ["app.tar", "app.oci", "app.dir", "layout", "skopeo.tar", "app.tar.gz", "app.tar.zst", "app.tar.xz"]) {
    const { commit, image, added } = load(call, source, source);
    t.true(added >= 4, source);
    t.is(image, id, source);
    call(source, "checkout", commit, path.join(home, `out-${source}`));
    t.is(shell(DESCRIBE, path.join(home, `out-${source}`)), wanted, source);
    const log = JSON.parse(call(source, "log", commit, "--json")) as { message: string; author: { time: string } }[];
    t.is(log.length, added);
    t.true(
      log.some(({ message }) => message.includes("rm /etc/gone")),
      source,
    );
    t.is(log.at(-1)?.message, "base", source);
    t.regex(call(source, "fsck"), /^Sound/);
    t.is(load(call, source, source).added, 0, source);
  }
  t.is(call("app.oci", "run", "--rm", "localhost/app:1", "--", "cat", "/srv/site/a"), "a\n");
});

testReal.serial("load gives the same commits in each store, and images with the same base share its commits", (t) => {
  const { call } = made(t);
  const one = load(call, "one", "app.oci");
  t.deepEqual(load(call, "two", "app.oci"), one);
  const base = load(call, "three", "base.tar");
  const app = load(call, "three", "app.tar");
  t.is(app.added, one.added - base.added + 1);
  t.is(load(call, "four", "-i", "app.tar").commit, app.commit);
});

testReal.serial("load names, branches, chooses, is undone and redone; stdin is an archive, too", (t) => {
  const { home, call } = made(t);
  const { references, commit } = load(call, "s", "app.dir", "--name", "team/app:2", "-b", "work");
  t.deepEqual(references, ["team/app:2"]);
  t.is((JSON.parse(call("s", "log", "work", "-n", "1", "--json")) as { commit: string }[])[0]?.commit, commit);
  call("s", "undo");
  t.deepEqual(JSON.parse(call("s", "images", "--json")), []);
  call("s", "redo");
  t.is((JSON.parse(call("s", "images", "--json")) as unknown[]).length, 1);
  const input = readFileSync(path.join(images!, "app.tar"));
  const piped = varve(["--store", path.join(home, "s"), "load", "-", "--json"], { cwd: home, home, input });
  t.is(piped.status, 0, piped.stderr);
  t.deepEqual((JSON.parse(piped.stdout) as Loaded[])[0]?.references, ["localhost/app:1"]);
  const taken = varve(["--store", path.join(home, "s"), "load", "app.tar", "-b", "work"], { cwd: images!, home });
  t.is(taken.status, 30, taken.stderr);
});

testReal.serial("load keeps compressed layers, or not", (t) => {
  const { call } = made(t);
  const blobs = (store: string): number => (JSON.parse(call(store, "du", "--json")) as { blobs: { count: number } }).blobs.count;
  const [always, never] = [
    load(call, "always", "app.oci", "--keep-blobs", "always"),
    load(call, "never", "app.oci", "--keep-blobs", "never"),
  ];
  t.is(always.image, never.image);
  t.true(blobs("always") > blobs("never"));
  call("always", "rmi", "localhost/app:1");
  call("always", "gc", "--now", "--yes");
  t.is(blobs("always"), 0);
});

testReal.serial("load that is interrupted at any moment leaves a sound store, and works the next time", async (t) => {
  const { home, call } = made(t);
  const started = performance.now();
  const wanted = load(call, "whole", "app.oci");
  const takes = performance.now() - started;
  for (let at = 0; at < 12; at += 1) {
    const signal = at % 2 === 0 ? "SIGKILL" : "SIGINT";
    const store = path.join(home, `cut-${at}`);
    const child = spawn(process.execPath, [BUILT_COMMAND, "--store", store, "load", "app.oci"], {
      cwd: images!,
      env: environmentWithVarve(home),
      stdio: "ignore",
    });
    const end = once(child, "close");
    await sleep((takes * (at + 3)) / 14);
    child.kill(signal);
    await end;
    if (existsSync(path.join(store, "format"))) t.regex(call(`cut-${at}`, "fsck"), /^Sound/);
    t.is(load(call, `cut-${at}`, "app.oci").commit, wanted.commit);
    t.regex(call(`cut-${at}`, "fsck"), /^Sound/);
    t.deepEqual(readdirSync(path.join(store, "scratch")), []);
  }
});

testReal.serial("load on a full disk says so, and the store is sound", (t) => {
  const { home, call } = made(t);
  const disk = path.join(home, "disk");
  mkdirSync(disk);
  for (const size of ["700k", "1500k", "3m", "5m"]) {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "none", disk]);
    try {
      const words = ["--store", path.join(disk, "store"), "load", "app.oci"];
      const { status, stderr } = varve(words, { cwd: images!, home });
      t.is(status, 51, `${size}: ${stderr}`);
      t.regex(stderr, /no space left/);
      if (existsSync(path.join(disk, "store/format"))) {
        t.regex(call("disk/store", "fsck"), /^Sound/);
        t.deepEqual(JSON.parse(call("disk/store", "images", "--json")), []);
        t.deepEqual(readdirSync(path.join(disk, "store/scratch")), []);
      }
    } finally {
      execFileSync("umount", [disk]);
    }
  }
});

testReal.serial("load takes what docker saved before it knew OCI, with a symlink to a layer that is there twice", (t) => {
  const { home, call } = made(t);
  const script = String.raw`
    mkdir x old; tar -xf app.tar -C x; cd old; i=0; layers=
    for l in $(grep -o '"Layers":\[[^]]*' ../x/manifest.json | grep -o '[0-9a-f]*\.tar'); do
      i=$((i+1)); id=$(printf %064d $i); mkdir $id; cp ../x/$l $id/layer.tar; echo 1.0 > $id/VERSION; echo '{}' > $id/json; layers="$layers,\"$id/layer.tar\""
    done
    c=$(grep -o '"Config":"[^"]*' ../x/manifest.json | cut -d'"' -f4); cp ../x/$c $c
    mkdir $(printf %064d 9); ln -s ../$(printf %064d 1)/layer.tar $(printf %064d 9)/layer.tar
    layers=$(echo $layers | sed "s/$(printf %064d 1)/$(printf %064d 9)/")
    echo "[{\"Config\":\"$c\",\"RepoTags\":[\"old:1\"],\"Layers\":[${"$"}{layers#,}]}]" > manifest.json; echo '{}' > repositories
    tar -cf ${home}/old.tar *`;
  shell(`rm -rf x old; ${script}`, images!);
  const old = load(call, "s", path.join(home, "old.tar"));
  t.deepEqual(old.references, ["old:1"]);
  t.is(old.image, load(call, "s", "app.tar").image);
  t.is(load(call, "s", "app.tar").commit, old.commit);
});
