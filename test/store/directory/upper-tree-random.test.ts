import fc from "fast-check";
import { describeTree } from "../../contracts/described-tree.js";
import { testIf } from "../../helpers/requirements.js";
import { OverlayMount } from "./overlay-mount.js";

const LOWER = `
  mkdir -p a/b c/a; echo 1 > a/x; echo 2 > a/b/y; echo 3 > c/x; ln c/x c/a/x; ln c/x a/z; echo 4 > y; ln y b; ln -s x c/l`;

const PLACES = ["a", "b", "c", "x", "y", "z", "a/b", "a/x", "a/z", "a/b/y", "a/b/x", "c/a", "c/x", "c/l", "c/a/x", "c/a/b"];
const place = fc.constantFrom(...PLACES);
const unary = ["rm -rf", "mkdir", "append", "chmod 700", "touch -h -d @7", "chown -h 5:6", "mkfifo", "setfattr -n user.a -v b"];

/** Writing into a FIFO would wait for a reader, for ever. */
const APPEND = 'append() { [ -p "$1" ] || echo more >> "$1"; }\n';

/** One command of a shell; where it can't be done, nothing is. */
const command: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(fc.constantFrom(...unary), place).map(([verb, path]) => `${verb} ${path}`),
  fc
    .tuple(fc.constantFrom("mv -T", "ln", "cp -r --remove-destination"), place, place)
    .map(([verb, from, to]) => `${verb} ${from} ${to}`),
);

testIf(
  "overlay",
  "erofs",
  "setfattr",
)("openUpperTree() shows what the mount shows after any commands", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 14 }), async (commands) => {
      const overlay = new OverlayMount(t);
      overlay.shell(overlay.lower, LOWER);
      await overlay.makeLayer();
      overlay.mount();
      overlay.shell(overlay.merged, APPEND + commands.map((line) => `{ ${line}; } 2>/dev/null || :`).join("\n"));
      const merged = overlay.openMerged();
      const wanted = describeTree(merged);
      merged.close();
      const { tree, base } = await overlay.openUpper();
      t.deepEqual(describeTree(tree), wanted);
      tree.close();
      base.close();
      overlay.close();
    }),
    { numRuns: Number(process.env["VARVE_TEST_RUNS"] ?? 40) },
  );
});
