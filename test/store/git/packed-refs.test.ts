import { execFileSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { VarveError } from "../../../core/errors.js";
import type { RefName } from "../../../core/model/ids.js";
import { gitHistory } from "../../../store/git/git-history.js";
import { readPackedRefs, withoutPackedRefs } from "../../../store/git/packed-refs.js";
import { commitChain } from "../../helpers/commit-drafts.js";
import { temporaryStore } from "../../helpers/temporary-store.js";

const A = "a".repeat(40);
const B = "b".repeat(40);

test("readPackedRefs() reads ids, and what annotated tags lead to", (t) => {
  const { git } = temporaryStore(t);
  t.is(readPackedRefs(git).size, 0);
  writeFileSync(
    path.join(git, "packed-refs"),
    `# pack-refs with: peeled \n${A} refs/heads/main\n${A} refs/tags/v1\n^${B}\n${B} refs/tags/v2\n`,
  );
  t.deepEqual(
    [...readPackedRefs(git)],
    [
      ["refs/heads/main", { id: A }],
      ["refs/tags/v1", { id: A, peeled: B }],
      ["refs/tags/v2", { id: B }],
    ],
  );
});

test("readPackedRefs() sees at once what git packed anew", (t) => {
  const { git } = temporaryStore(t);
  for (const id of [A, B, A]) {
    const file = path.join(git, "packed-refs");
    execFileSync("sh", ["-c", `echo "${id} refs/heads/x" > "$0.new" && mv "$0.new" "$0"`, file]);
    t.is(readPackedRefs(git).get("refs/heads/x")?.id, id);
  }
});

for (const [what, text] of [
  ["words", "hello\n"],
  ["a line cut short", `${A} refs/heads/x\n${A.slice(0, 10)}`],
  ["a tag's commit without a tag", `^${A}\n`],
] as const) {
  test(`readPackedRefs() of ${what} throws STORE_DAMAGED`, (t) => {
    const { git } = temporaryStore(t);
    writeFileSync(path.join(git, "packed-refs"), text);
    const error = t.throws(() => readPackedRefs(git), { instanceOf: VarveError });
    t.is(error?.code, "STORE_DAMAGED");
  });
}

test("readPackedRefs() follows no link", (t) => {
  const { git } = temporaryStore(t);
  symlinkSync("/etc/passwd", path.join(git, "packed-refs"));
  t.throws(() => readPackedRefs(git), { instanceOf: VarveError });
});

test("withoutPackedRefs() takes out refs with what they lead to, and says when there are none", (t) => {
  const { git } = temporaryStore(t);
  writeFileSync(path.join(git, "packed-refs"), `# head\n${A} refs/heads/main\n${A} refs/tags/v1\n^${B}\n${B} refs/tags/v2\n`);
  t.is(withoutPackedRefs(git, new Set(["refs/tags/v1"])), `# head\n${A} refs/heads/main\n${B} refs/tags/v2\n`);
  t.is(withoutPackedRefs(git, new Set(["refs/tags/v3"])), undefined);
});

test("thousands of packed refs are listed in less than two seconds", async (t) => {
  const layout = temporaryStore(t);
  const history = gitHistory(layout);
  const [id] = await commitChain(history, 1);
  const lines = Array.from({ length: 5000 }, (_, number) => `${id} refs/tags/t${String(number).padStart(5, "0")}`);
  writeFileSync(path.join(layout.git, "packed-refs"), `${lines.join("\n")}\n`);
  const began = performance.now();
  t.is((await history.listRefs("refs/tags/")).length, 5000);
  t.is(await history.readRef("refs/tags/t04999" as RefName), id);
  t.true(performance.now() - began < 2000);
});
