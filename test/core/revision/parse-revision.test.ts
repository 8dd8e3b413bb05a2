import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { parseRevision, splitRange, splitRevisionPath, type Revision } from "../../../core/revision/parse-revision.js";

const ancestor = (count: number) => ({ kind: "ancestor", count }) as const;
const parent = (number: number) => ({ kind: "parent", number }) as const;
const message = (search: string) => ({ kind: "message", search }) as const;

type CommitRevision = Extract<Revision, { kind: "commit" }>;

function commit(name: string, parts: { place?: CommitRevision["place"]; steps?: CommitRevision["steps"] } = {}): Revision {
  return { kind: "commit", name, place: parts.place, steps: parts.steps ?? [] };
}

const moves = (count: number) => ({ kind: "moves", count }) as const;
const time = (text: string) => ({ kind: "time", text }) as const;

const cases: readonly (readonly [text: string, wants: Revision])[] = [
  ["HEAD", commit("HEAD")],
  ["main", commit("main")],
  ["ci/base", commit("ci/base")],
  ["refs/tags/v1", commit("refs/tags/v1")],
  ["0123abc", commit("0123abc")],
  ["0123456789ABCDEF0123456789abcdef01234567", commit("0123456789ABCDEF0123456789abcdef01234567")],
  ["main~", commit("main", { steps: [ancestor(1)] })],
  ["main~0", commit("main", { steps: [ancestor(0)] })],
  ["main~12", commit("main", { steps: [ancestor(12)] })],
  ["HEAD^", commit("HEAD", { steps: [parent(1)] })],
  ["HEAD^0", commit("HEAD", { steps: [parent(0)] })],
  ["HEAD^^2~3", commit("HEAD", { steps: [parent(1), parent(2), ancestor(3)] })],
  ["v1~~^", commit("v1", { steps: [ancestor(1), ancestor(1), parent(1)] })],
  ["main@{0}", commit("main", { place: moves(0) })],
  ["ci/base@{3}~2", commit("ci/base", { place: moves(3), steps: [ancestor(2)] })],
  ["@{1}", commit("", { place: moves(1) })],
  ["HEAD@{1}", commit("HEAD", { place: moves(1) })],
  ["main@{yesterday}", commit("main", { place: time("yesterday") })],
  ["main@{2.days.ago}~1", commit("main", { place: time("2.days.ago"), steps: [ancestor(1)] })],
  ["@{2026-11-20 10:00}", commit("", { place: time("2026-11-20 10:00") })],
  ["v1@{1700000000}", commit("v1", { place: time("1700000000") })],
  ["a@b", commit("a@b")],
  [":/new kernel", message("new kernel")],
  [":/a..b:c~1", message("a..b:c~1")],
  ["HEAD^{/fix}", commit("HEAD", { steps: [message("fix")] })],
  ["main~1^{/a{2}^b}~3", commit("main", { steps: [ancestor(1), message("a{2}^b"), ancestor(3)] })],
  ["v1^{}", commit("v1")],
  ["v1^{commit}^", commit("v1", { steps: [parent(1)] })],
  ["main@{1}^{/x}", commit("main", { place: moves(1), steps: [message("x")] })],
  ["@", { kind: "live", container: undefined }],
  ["@web-1", { kind: "live", container: "web-1" }],
  ["@0123abc", { kind: "live", container: "0123abc" }],
];

for (const [text, wants] of cases) {
  test(`parseRevision() reads ${text}`, (t) => {
    t.deepEqual(parseRevision(text), wants);
  });
}

const unreadable = [
  "",
  "~1",
  "^",
  "main~x",
  "main^-1",
  "a b",
  "a..b",
  "a:b:c",
  "-x",
  "@{x}",
  "main@{-1}",
  "main@{someday}",
  "main@{2026-02-30}",
  "main@{2100-01-01}",
  "main@{1969-12-31}",
  "main@{99999999999999}",
  "main@{}",
  "@~1",
  "@web^",
];
unreadable.push(":/", "HEAD^{/}", "HEAD^{tree}", "HEAD^{/x", "HEAD^{x}}", "^main", "main^!", "main^@");
unreadable.push("main~99999999999", "a.lock", "../x", "a\nb", "x\0", "main@{1}@{2}", "~".repeat(5000), "a".repeat(2000));

for (const text of unreadable) {
  test(`parseRevision() of ${JSON.stringify(text).slice(0, 30)} (${text.length}) throws REVISION_UNKNOWN with a hint`, (t) => {
    const error = t.throws(() => parseRevision(text), { instanceOf: VarveError });
    t.is(error?.code, "REVISION_UNKNOWN");
    t.truthy(error?.hint);
    t.true((error?.message.length ?? 0) < 2500);
  });
}

test("parseRevision() takes no long time for text made to cost it", (t) => {
  const began = performance.now();
  for (const text of [
    `a${"^{}^1".repeat(800)}x`,
    `a${"^{".repeat(2000)}`,
    `a^{${"}".repeat(4000)}x`,
    `a${"^{a}}".repeat(800)}`,
  ]) {
    t.throws(() => parseRevision(text), undefined, text.slice(0, 12));
  }
  for (const text of [`${"~1".repeat(2000)}x`, "@{".repeat(2000), `${"^".repeat(4000)}@`]) t.throws(() => parseRevision(text));
  t.true(performance.now() - began < 1000);
});

test("splitRange() parts at two dots or three, and a missing side is HEAD", (t) => {
  const rows: readonly (readonly [text: string, from: string, to: string, symmetric: boolean])[] = [
    ["a..b~2", "a", "b~2", false],
    ["a..", "a", "HEAD", false],
    ["..b~2", "HEAD", "b~2", false],
    ["a...b", "a", "b", true],
    ["...b", "HEAD", "b", true],
    ["main@{yesterday}..a", "main@{yesterday}", "a", false],
    ["v1.0..v1.1", "v1.0", "v1.1", false],
    ["v1^{/a..b}...a", "v1^{/a..b}", "a", true],
    ["main@{2.days.ago}..a^{/x{2}..y}", "main@{2.days.ago}", "a^{/x{2}..y}", false],
  ];
  for (const [text, from, to, symmetric] of rows) t.deepEqual(splitRange(text), { from, to, symmetric }, text);
  for (const text of ["a", "v1.0", "a^{/b..c}", ":/a..b"]) t.is(splitRange(text), undefined);
  for (const text of ["a..b..c", "a....b", "a..b...c"]) t.throws(() => splitRange(text), { code: "REVISION_UNKNOWN" });
});

test("splitRevisionPath() parts at the first colon that is in no braces", (t) => {
  t.deepEqual(splitRevisionPath("main~1:/etc/a:b"), { revision: "main~1", path: "/etc/a:b" });
  t.deepEqual(splitRevisionPath("main:"), { revision: "main", path: "" });
  t.deepEqual(splitRevisionPath("main@{10:00}:a:b"), { revision: "main@{10:00}", path: "a:b" });
  t.deepEqual(splitRevisionPath("main@{10:00}"), { revision: "main@{10:00}", path: undefined });
  t.deepEqual(splitRevisionPath("main^{/a:b}:c"), { revision: "main^{/a:b}", path: "c" });
  t.deepEqual(splitRevisionPath(":/fix: a"), { revision: ":/fix: a", path: undefined });
  t.deepEqual(splitRevisionPath("main"), { revision: "main", path: undefined });
});
