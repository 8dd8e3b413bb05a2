// The tar of what one tree changes on another.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";
import type { ExecutionContext } from "ava";

const test = testIf("root").serial;

const CHANGE = `
  cd root; rm -r etc/group; echo new > etc/new; ln etc/new etc/again; chmod 700 tmp; rm -r bin; mkdir bin; echo x > bin/tool
  mkdir -p opt/deep/er; echo y > opt/deep/er/file; setfattr -n user.note -v here opt/deep; mknod opt/null c 1 3
`;

function changed(t: ExecutionContext): UserStore {
  const made = userStore(t, undefined);
  made.ok("import", "root", "-b", "base", "-m", "as a directory");
  const { status, stderr } = spawnSync("bash", ["-ec", CHANGE], { cwd: made.home, encoding: "utf8" });
  t.is(status, 0, stderr);
  made.ok("import", "root", "-b", "changed", "-m", "changed");
  return made;
}

test("export A..B is the layer that an image of B on A has", (t) => {
  const { home, ok } = changed(t);
  ok("branch", "same", "base");
  ok("import", "root", "-b", "same", "-m", "the second commit");
  ok("export", "base..same", "-o", "layer.tar");
  ok("save", "same", "--format", "oci-dir", "-o", "layout");
  const blob = (digest: string): Buffer => readFileSync(path.join(home, "layout/blobs/sha256", digest.slice(7)));
  const index = JSON.parse(readFileSync(path.join(home, "layout/index.json"), "utf8")) as { manifests: [{ digest: string }] };
  const manifest = JSON.parse(blob(index.manifests[0].digest).toString()) as { config: { digest: string } };
  const { rootfs } = JSON.parse(blob(manifest.config.digest).toString()) as { rootfs: { diff_ids: string[] } };
  const layer = readFileSync(path.join(home, "layer.tar"));
  t.is(`sha256:${createHash("sha256").update(layer).digest("hex")}`, rootfs.diff_ids.at(-1) ?? "");
  const names = spawnSync("tar", ["-tf", "layer.tar"], { cwd: home, encoding: "utf8" }).stdout.split("\n");
  for (const name of ["etc/.wh.group", "etc/new", "bin/tool", "opt/null"]) t.true(names.includes(name), name);
  t.false(names.includes("etc/passwd"));
});

test("export of a difference takes live trees, A...B and REV^!, and comes out the same each time", (t) => {
  const { home, ok } = changed(t);
  const bytes = (...words: string[]): string => {
    ok("export", "-o", "out.tar", ...words);
    return createHash("sha256")
      .update(readFileSync(path.join(home, "out.tar")))
      .digest("hex");
  };
  const names = (): string[] => spawnSync("tar", ["-tf", "out.tar"], { cwd: home, encoding: "utf8" }).stdout.trim().split("\n");
  t.is(bytes("base..changed"), bytes("base..changed"));
  ok("create", "--name", "one", "base", "--", "true");
  writeFileSync(path.join(home, "put"), "put\n");
  ok("cp", "put", "one:/etc/put");
  bytes("base..@one");
  t.deepEqual(names(), ["./", "etc/", "etc/put"]);
  ok("branch", "further", "base");
  ok("import", "root", "-b", "further", "-m", "further");
  t.is(bytes("further^!"), bytes("base..further"));
  t.is(bytes("base...further"), bytes("base..further"));
  bytes("base..base");
  t.deepEqual(names(), ["./"]);
});

test("export of a difference: what it can't be", (t) => {
  const { run } = changed(t);
  const fails = (status: number, says: RegExp, ...words: string[]): void => {
    const result = run("export", ...words);
    t.is(result.status, status, result.stderr);
    t.regex(result.stderr, says);
  };
  fails(
    2,
    /Cannot write an EROFS image of base\.\.changed: it holds a whole tree\n.*as a tar/,
    "base..changed",
    "--format",
    "erofs",
    "-o",
    "x",
  );
  fails(2, /Cannot export a part of base\.\.changed/, "base..changed", "-o", "x", "--", "etc");
  fails(20, /"nothing"/, "base..nothing", "-o", "x");
  fails(2, /both sides have to be of the store/, "base..root", "-o", "x");
});
