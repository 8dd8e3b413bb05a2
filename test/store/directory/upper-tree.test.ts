import type { ExecutionContext } from "ava";
import { VarveError } from "../../../core/errors.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { DirectoryNode, Tree, TreeNode } from "../../../core/model/tree.js";
import { nodeAt } from "../../../store/directory/upper-placement.js";
import { describeTree } from "../../contracts/described-tree.js";
import { testIf } from "../../helpers/requirements.js";
import { OverlayMount } from "./overlay-mount.js";

const LOWER = `
  mkdir -p a/b/c d e/f; echo one > a/one; echo two > a/b/two; echo deep > a/b/c/deep; echo three > d/three
  echo linked > e/x; ln e/x e/f/y; ln e/x z; ln -s one a/link; mkfifo d/pipe; setfattr -n user.note -v v a/one
  echo pair > p; ln p q; head -c 300000 /dev/urandom > big; chmod 4755 big; mkdir empty
  mkdir many; for i in 1 2 3 4 5; do echo $i > many/$i; done`;

const cases: readonly (readonly [what: string, script: string])[] = [
  ["nothing", ":"],
  ["a new file and directory", "echo new > new; mkdir -p x/y; echo n > x/y/n"],
  ["a changed file", "echo more >> a/one"],
  ["a deleted file", "rm a/one"],
  ["a deleted directory", "rm -r a"],
  ["a directory deleted and made anew", "rm -r a; mkdir a; echo other > a/one"],
  ["a file in place of a directory", "rm -r d; echo file > d"],
  ["a directory in place of a file", "rm big; mkdir big; echo in > big/in"],
  ["a symlink in place of a directory", "rm -r d; ln -s a d"],
  ["chmod of a file, whose content stays below", "chmod 600 big; chmod 711 a/b"],
  ["chown of everything", "chown -R -h 123:456 ."],
  ["a touched file", "touch -d '1960-01-01 00:00:00.123456789' big d a/link"],
  [
    "xattrs set, changed and removed",
    "setfattr -n user.note -v w a/one; setfattr -n user.new -v 1 d/three; setfattr -n trusted.t -v 2 a",
  ],
  ["a renamed file", "mv big large"],
  ["a renamed file after chmod", "chmod 600 big; mv big a/large"],
  ["a renamed directory", "mv a renamed"],
  ["a directory renamed within its own", "mv a/b a/bee"],
  ["a renamed directory below a renamed directory", "mv a/b a/bee; mv a aa; echo x > aa/bee/c/x"],
  ["a child of a renamed directory moved out", "mv a moved; mv moved/b out; rm -r moved"],
  ["a renamed directory with a changed file", "mv a moved; echo more >> moved/b/two; rm moved/one"],
  ["a metacopied file in a renamed directory", "chmod 600 a/b/two; mv a moved; mv moved/b/two two"],
  ["a renamed directory and another in its place", "mv a moved; mkdir a; echo new > a/one"],
  ["two directories that changed places", "mv a t; mv d a; mv t d"],
  ["a directory moved into a new one", "mkdir -p n/e/w; mv a/b n/e/w/b; chmod 700 n/e/w/b/c"],
  ["a directory moved and back", "mv a t; mv t a"],
  ["a new hardlink of a lower file", "ln big a/big2"],
  ["a new hardlink of a file with metadata of its own", "chmod 600 big; ln big a/big2; mv big other"],
  ["a new hardlink of a new file", "echo n > n1; ln n1 a/n2"],
  ["one of three hardlinks changed", "echo more >> e/x"],
  ["one of three hardlinks deleted", "rm e/x"],
  ["two of three hardlinks deleted", "rm e/x z"],
  ["one of three hardlinks replaced", "rm e/x; echo own > e/x"],
  ["one of three hardlinks renamed", "mv e/x e/renamed"],
  ["a hardlink changed, then renamed", "echo more >> e/x; mv e/x a/renamed"],
  ["a hardlink changed, then deleted", "echo more >> e/x; rm e/x"],
  ["chmod of a hardlink", "chmod 640 z"],
  ["chmod of a hardlink, then deleted", "chmod 640 z; rm z"],
  ["a hardlink more", "ln z another"],
  ["a hardlink more, then the others deleted", "ln z another; rm e/x e/f/y z"],
  ["one group's name over another's", "echo 1 >> z; echo 2 >> p; mv -f p z"],
  ["a directory with a hardlink deleted", "rm -r e/f"],
  ["a directory with a hardlink renamed", "mv e/f e/g"],
  ["the directory with two hardlinks renamed", "mv e ee"],
  ["a hardlink changed and its directory renamed", "echo more >> e/f/y; mv e ee"],
  ["all hardlinks deleted", "rm -r e z"],
  ["device nodes, pipes and sockets", "mknod null c 1 3; mknod disk b 7 5; mkfifo a/p; rm d/pipe"],
  ["a changed symlink", "ln -sfn two a/link"],
  ["many names deleted and added", "rm many/2 many/4; echo 0 > many/0; echo 9 > many/9; touch many/33"],
];

for (const [what, script] of cases) {
  for (const kind of ["a directory", "a layer image"] as const) {
    testIf(
      "overlay",
      "erofs",
      "setfattr",
    )(`openUpperTree() over ${kind} shows what the mount shows: ${what}`, async (t) => {
      const overlay = new OverlayMount(t);
      overlay.shell(overlay.lower, LOWER);
      if (kind === "a layer image") await overlay.makeLayer();
      overlay.mount();
      overlay.shell(overlay.merged, script);
      const merged = overlay.openMerged();
      const wanted = describeTree(merged);
      merged.close();
      overlay.unmount();
      const { tree, base } = await overlay.openUpper();
      t.deepEqual(describeTree(tree), wanted);
      tree.close();
      base.close();
    });
  }
}

/** An upper directory made by hand, over a directory that LOWER filled. */
async function handmade(t: ExecutionContext, script: string): Promise<{ readonly tree: Tree; readonly base: Tree }> {
  const overlay = new OverlayMount(t);
  overlay.shell(overlay.lower, LOWER);
  overlay.shell(overlay.upper, script);
  const opened = await overlay.openUpper();
  t.teardown(() => {
    opened.tree.close();
    opened.base.close();
  });
  return opened;
}

function at(tree: Tree, path: string): TreeNode | undefined {
  return nodeAt(tree.root, path as ByteString);
}

testIf("root", "setfattr")("openUpperTree() shows the base where the upper holds nothing", async (t) => {
  const { tree, base } = await handmade(t, "mkdir a; echo new > a/new");
  for (const path of ["d", "e", "many", "a/one"]) t.deepEqual(at(tree, path)?.entry, at(base, path)?.entry);
  t.is((at(tree, "a") as DirectoryNode).digest, undefined);
});

testIf("root", "setfattr")(
  "openUpperTree() takes the kernel's own xattrs out and shows escaped ones as they were set",
  async (t) => {
    const mark = (name: string): string => `setfattr -n trusted.overlay.${name} -v v new;`;
    const { tree } = await handmade(
      t,
      `touch new; ${["origin", "impure", "nlink", "overlay.opaque", "overlay.overlay.x"].map(mark).join("")}`,
    );
    const names = at(tree, "new")!.entry.xattrs.map(({ name }) => String(name));
    t.deepEqual(names, ["trusted.overlay.opaque", "trusted.overlay.overlay.x"]);
  },
);

testIf("root", "setfattr")(
  "openUpperTree() reads whiteouts in the form of xattrs, in a directory that is marked with x",
  async (t) => {
    const { tree } = await handmade(
      t,
      "mkdir many; setfattr -n trusted.overlay.opaque -v x many; touch many/2; setfattr -n trusted.overlay.whiteout many/2",
    );
    const names = [...(at(tree, "many") as DirectoryNode).children()].map(([name]) => String(name));
    t.deepEqual(names, ["1", "3", "4", "5"]);
  },
);

testIf("root", "setfattr")("openUpperTree() with metadata of a file that the base lacks throws STORE_DAMAGED", async (t) => {
  const { tree } = await handmade(t, "touch stray; setfattr -n trusted.overlay.metacopy stray");
  const error = t.throws(() => at(tree, "stray"), { instanceOf: VarveError, code: "STORE_DAMAGED" });
  t.is(error?.path, "stray");
});
