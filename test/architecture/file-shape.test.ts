import { readFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { PROGRAM_FOLDERS, sourceFiles } from "./source-files.js";

const LINE_LIMIT = 400;
/** Rooms that anything fits into, so that nothing is found in them. */
const JUNK_NAME = /^(utils?|helpers?|common|types|misc|shared|lib)$|(^|-)utils?$/;

const files = sourceFiles(...PROGRAM_FOLDERS, "test", "bench");
const program = sourceFiles(...PROGRAM_FOLDERS);

test(`no file is longer than ${LINE_LIMIT} lines`, (t) => {
  const lengths = files.map((file) => ({ file, lines: readFileSync(file, "utf8").split("\n").length - 1 }));
  t.deepEqual(
    lengths.filter(({ lines }) => lines > LINE_LIMIT),
    [],
  );
});

test("no file or folder of the program has a name that fits anything", (t) => {
  const names = program.flatMap((file) =>
    file
      .replace(/\.ts$/, "")
      .split("/")
      .map((name) => ({ file, name })),
  );
  t.deepEqual(
    names.filter(({ name }) => JUNK_NAME.test(name)),
    [],
  );
});

test("file names are in kebab case", (t) => {
  t.deepEqual(
    files.map((file) => path.basename(file)).filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(name)),
    [],
  );
});

test("no file names a place of the machine that it was written on", (t) => {
  const strays = files.filter((file) => /["'`/](?:home\/[a-z]+|work\/(?:main|shared))\//.test(readFileSync(file, "utf8")));
  t.deepEqual(strays, []);
});
