import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import { MNT_DETACH, mount, MS_RDONLY, unmount } from "../../linux/mount.js";
import { openLayerStore } from "../../store/layers/layer-store.js";
import { storeLayout } from "../../store/store-layout.js";
import { varve } from "../cli/built-command.js";
import { testIf } from "../helpers/requirements.js";

/** `npm run test:many` takes the whole number. */
const NAMES = process.env["VARVE_SLOW"] === undefined ? 20_000 : 1_000_000;

/** Half of the names have content; every name is spelled so that no order of bytes is that of its number. */
const FILL = `import os, sys
for n in range(int(sys.argv[1])):
  name = b"%x-%d" % (n * 2654435761 % 2**32, n)
  if n % 2: os.mknod(name, 0o100600 + n % 64)
  else:
    f = os.open(name, os.O_CREAT | os.O_WRONLY, 0o644); os.write(f, name); os.close(f)`;

testIf(
  "erofs",
  "python3",
  "find",
)(`a directory of ${NAMES} names is committed, mounted, changed, listed and checked out`, (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "varve-names-"));
  const source = path.join(folder, "tracked");
  const run = (...words: string[]): string => {
    const { status, stdout, stderr } = varve(words, { cwd: source, home: path.join(folder, "home") });
    t.is(status, 0, stderr);
    return stdout;
  };
  try {
    execFileSync("mkdir", ["-p", path.join(source, "all"), path.join(folder, "home"), path.join(folder, "mounted")]);
    execFileSync("python3", ["-c", FILL, String(NAMES)], { cwd: path.join(source, "all") });
    run("init");
    run("commit", "-m", "all of them");
    const wanted = listed(path.join(source, "all"));
    t.is(mounted(source, run("--json", "log"), path.join(folder, "mounted")), wanted);
    execFileSync("sh", ["-euc", "cd all; rm 0-0; echo new > new; mv 9e3779b1-1 moved"], { cwd: source });
    t.is((JSON.parse(run("--json", "diff")) as unknown[]).length >= 3, true);
    run("commit", "-m", "three changes");
    const changed = listed(path.join(source, "all"));
    t.not(changed, wanted);
    run("checkout", "HEAD", path.join(folder, "now"));
    t.is(listed(path.join(folder, "now/all")), changed);
    run("rollback", "HEAD~1");
    t.is(listed(path.join(source, "all")), wanted);
  } finally {
    execFileSync("rm", ["-rf", folder]);
  }
});

/** What find(1) says of all names, as one digest, with how many there are. */
function listed(directory: string): string {
  const script = "find . -mindepth 1 -printf '%P %y %m %U %G %s %T@ %n\\n' | LC_ALL=C sort | tee $0 | sha256sum; wc -l < $0";
  const place = mkdtempSync(path.join(tmpdir(), "varve-list-"));
  try {
    return execFileSync("sh", ["-euc", script, path.join(place, "list")], { cwd: directory, encoding: "latin1" });
  } finally {
    rmSync(place, { recursive: true });
  }
}

function mounted(source: string, log: string, target: string): string {
  const [{ layer }] = JSON.parse(log) as [{ layer: LayerId }];
  const image = openLayerStore(storeLayout(path.join(source, ".varve"))).image(layer);
  mount({ source: image.path, target, type: "erofs", flags: MS_RDONLY });
  try {
    return listed(path.join(target, "all"));
  } finally {
    unmount(target, MNT_DETACH);
  }
}
