import { readFileSync } from "node:fs";
import test from "ava";
import { importsOf, PROGRAM_FOLDERS, sourceFiles } from "./source-files.js";

const packageJson = JSON.parse(readFileSync("package.json", "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>;
};
const declared = Object.keys(packageJson.dependencies);

const importers = new Map<string, Set<string>>();
for (const { from, to, kind } of sourceFiles(...PROGRAM_FOLDERS).flatMap(importsOf)) {
  if (kind === "package") importers.set(to, (importers.get(to) ?? new Set()).add(from));
}
// native-library.ts loads it through createRequire, which is no import; its type import counts.
const files = (name: string): readonly string[] => [...(importers.get(name) ?? [])];

test("each package is imported by one file, so that replacing it touches one file", (t) => {
  const shared = [...importers.keys()].filter((name) => files(name).length > 1);
  t.deepEqual(
    shared.map((name) => `${name}: ${files(name).join(", ")}`),
    [],
  );
});

test("koffi is imported by linux/native-library.ts", (t) => {
  t.deepEqual(files("koffi"), ["linux/native-library.ts"]);
});

test("each package that the program imports is one of package.json's dependencies", (t) => {
  t.deepEqual(
    [...importers.keys()].filter((name) => !declared.includes(name)),
    [],
  );
});

test("each of package.json's dependencies is imported", (t) => {
  t.deepEqual(
    declared.filter((name) => !importers.has(name)),
    [],
  );
});
