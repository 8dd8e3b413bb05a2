import test from "ava";
import type { ByteString } from "../../../core/model/byte-string.js";
import { mergeTrees } from "../../../core/merge/merge-trees.js";
import { MergeRules } from "../../../core/merge/merge-rules.js";
import { bytesOfContent } from "../../../core/trees/content-of-bytes.js";
import { nodeAt } from "../../../core/model/paths.js";
import type { Tree } from "../../../core/model/tree.js";
import { type DescribedEntry } from "../../contracts/described-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";

const directory = (path: string): DescribedEntry => ({ path, type: "directory" });
const file = (path: string, content: string, more: object = {}): DescribedEntry => ({ path, type: "file", content, ...more });
const rooted = (...entries: readonly DescribedEntry[]): Tree => memoryTree([directory(""), ...entries]);
const labels = { ours: "HEAD", theirs: "topic" };

const ATTRIBUTES = [
  "# rules",
  "*.lock merge=ours",
  "/data/** merge=theirs",
  "*.md   merge=union text",
  "!bad merge=ours",
  "*.bin -merge",
  "*.odd merge=strange",
  "data/keep merge=ours",
].join("\n");

const ROWS: readonly (readonly [path: string, rule: string | undefined])[] = [
  ["etc/passwd", "passwd"],
  ["srv/etc/passwd", undefined],
  ["usr/lib/x.pyc", "newer"],
  ["a/b.lock", "ours"],
  ["data/x/y", "theirs"],
  ["data/keep", "ours"],
  ["README.md", "union"],
  ["a.bin", "binary"],
  ["a.odd", undefined],
  ["bad", undefined],
];

for (const [path, rule] of ROWS) {
  test(`the rule of "${path}" is ${rule ?? "none"}: the last line that matches`, (t) => {
    const rules = MergeRules.of(rooted(), rooted(file(".varveattributes", ATTRIBUTES)));
    t.is(rules.ruleOf(path as ByteString)?.rule, rule as never);
    t.deepEqual(rules.complaints.length, 2);
    t.regex(rules.complaints[1] ?? "", /^line 7: no rule "strange", wanted one of text, binary, /);
  });
}

test("a .varveattributes that is too large is passed over, and that is told", (t) => {
  const rules = MergeRules.of(rooted(file(".varveattributes", "*.x merge=ours\n".repeat(100_000))));
  t.is(rules.ruleOf("a.x" as ByteString), undefined);
  t.is(rules.complaints.length, 1);
});

test("a cache that both sides made anew is taken from the newer, and the note says what makes it", async (t) => {
  const cache = (content: string, mtimeSeconds: number): Tree =>
    rooted(directory("etc"), file("etc/ld.so.cache", content, { mtimeSeconds }));
  for (const [ours, theirs, side] of [
    [5, 6, "theirs"],
    [6, 5, "ours"],
  ] as const) {
    const { tree, conflicts, notes } = await mergeTrees(cache("\0base", 1), cache("\0ours", ours), cache("\0theirs", theirs), {
      labels,
    });
    t.deepEqual(conflicts, []);
    const node = nodeAt(tree, "etc/ld.so.cache" as ByteString);
    t.is(node !== undefined && "content" in node ? bytesOfContent(node.content).toString() : "", `\0${side}`);
    t.deepEqual(notes, [
      {
        path: "etc/ld.so.cache" as ByteString,
        text: `both sides changed it: took the newer, ${side}; regenerate it with: ldconfig`,
      },
    ]);
  }
});

test("favour decides contents and properties, not deletions", async (t) => {
  const base = rooted(file("a", "1\n", { mode: 0o644 }), file("b", "1"));
  const ours = rooted(file("a", "2\n", { mode: 0o600 }), file("b", "2"));
  const theirs = rooted(file("a", "3\n", { mode: 0o640 }));
  for (const [favor, content, mode] of [
    ["ours", "2\n", 0o600],
    ["theirs", "3\n", 0o640],
  ] as const) {
    const { tree, conflicts } = await mergeTrees(base, ours, theirs, { labels, favor });
    t.deepEqual(
      conflicts.map(({ path, kind }) => `${kind} ${path}`),
      ["delete/modify b"],
    );
    const node = nodeAt(tree, "a" as ByteString);
    t.is(node?.entry.mode, mode);
    t.is(node !== undefined && "content" in node ? bytesOfContent(node.content).toString() : "", content);
  }
});
