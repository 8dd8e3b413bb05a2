import { readFileSync } from "node:fs";
import test from "ava";
import { EXIT_STATUS, exitStatusOf } from "../../cli/exit-status.js";
import type { ErrorCode } from "../../core/errors.js";

const codes = Object.keys(EXIT_STATUS) as ErrorCode[];
const document = readFileSync("docs/errors.md", "utf8");

test("docs/errors.md has the status of each code in its table", (t) => {
  const rows = new Map(
    [...document.matchAll(/^\| \[`(\w+)`\]\(#\w+\)\s*\|\s*(\d+) \|$/gm)].map(([, code, status]) => [code, Number(status)]),
  );
  t.deepEqual(Object.fromEntries(rows), EXIT_STATUS);
});

for (const code of codes) {
  test(`docs/errors.md tells what ${code} is, with its status`, (t) => {
    t.regex(document, new RegExp(`^### ${code}\\n\\nStatus ${EXIT_STATUS[code]}\\.`, "m"));
  });
}

test("exitStatusOf() is what EXIT_STATUS says for commands that run no process", (t) => {
  t.deepEqual(
    codes.map((code) => exitStatusOf(code, "diff")),
    codes.map((code) => EXIT_STATUS[code]),
  );
});

test("exitStatusOf() for run, start and try is 125, 126, 127 or 130, as in docker", (t) => {
  for (const command of ["run", "start", "try", "exec", "attach"]) {
    t.deepEqual([...new Set(codes.map((code) => exitStatusOf(code, command)))].sort(), [125, 126, 127, 130]);
    t.is(exitStatusOf("USAGE", command), 125);
    t.is(exitStatusOf("COMMAND_NOT_FOUND", command), 127);
  }
});
