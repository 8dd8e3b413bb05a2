import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "ava";
import { PROGRAM_HEAD_BYTES, programFormat } from "../../../overlay/rootfs/program-interpreter.js";
import { testIf } from "../../helpers/requirements.js";

const cases = [
  ["#!/bin/sh\n", "script", "/bin/sh"],
  ["#! /usr/bin/env node\n", "script", "/usr/bin/env"],
  ["#!/bin/sh", "script", "/bin/sh"],
  ["#!\n/bin/sh", "unknown", undefined],
  ["", "unknown", undefined],
  ["text\n", "unknown", undefined],
  ["\x7fELF", "elf", undefined],
  [`\x7fELF\x02\x01${"\xff".repeat(60)}`, "elf", undefined],
] as const;

for (const [head, kind, interpreter] of cases) {
  test(`programFormat() takes ${JSON.stringify(head.slice(0, 24))} as ${kind}`, (t) => {
    t.deepEqual(programFormat(Buffer.from(head, "latin1")), { kind, interpreter });
  });
}

testIf("readelf")("programFormat() finds the loader that readelf finds", (t) => {
  const { stdout } = spawnSync("readelf", ["-l", process.execPath], { encoding: "utf8" });
  const wanted = /program interpreter: (.*)\]/.exec(stdout)?.[1];
  t.is(programFormat(readFileSync(process.execPath).subarray(0, PROGRAM_HEAD_BYTES)).interpreter, wanted);
});
