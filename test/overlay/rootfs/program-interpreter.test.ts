import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "ava";
import { PROGRAM_HEAD_BYTES, programFormat, type ProgramFormat } from "../../../overlay/rootfs/program-interpreter.js";
import { testIf } from "../../helpers/requirements.js";

/** A header as readelf shows it: type, machine, size and number of the program headers. */
function elf(type: number, machine: number, headerSize = 56, headers = 1): string {
  const header = Buffer.alloc(64);
  header.write("\x7fELF\x02\x01\x01", "latin1");
  for (const [offset, value] of [
    [16, type],
    [18, machine],
    [54, headerSize],
    [56, headers],
  ] as const) {
    header.writeUInt16LE(value, offset);
  }
  return header.toString("latin1");
}

const cases: readonly (readonly [what: string, head: string, kind: ProgramFormat["kind"], interpreter?: string])[] = [
  ["a script", "#!/bin/sh\n", "script", "/bin/sh"],
  ["a script with blanks and an argument", "#! \t/usr/bin/env node\n", "script", "/usr/bin/env"],
  ["a script of one line", "#!/bin/sh", "script", "/bin/sh"],
  ["a script with a carriage return", "#!/bin/sh\r\n", "script", "/bin/sh\r"],
  ["a script with a form feed", "#!/bin/sh\f-e\n", "script", "/bin/sh\f-e"],
  ["a script whose interpreter has a name of UTF-8", "#!/bin/\xc3\xa9\n", "script", "/bin/é"],
  ["a script whose interpreter has a name of other bytes", "#!/bin/\xe9\n", "script"],
  ["a script with a name of 253 bytes", `#!/${"x".repeat(252)}\n`, "script", `/${"x".repeat(252)}`],
  ["a name that the kernel's 256 bytes cut off", `#!/${"x".repeat(253)}\n`, "unknown"],
  ["a line without a name", "#!\n/bin/sh", "unknown"],
  ["nothing", "", "unknown"],
  ["text", "text\n", "unknown"],
  ["four bytes", "\x7fELF", "foreign"],
  ["an ELF program", elf(2, 62), "elf"],
  ["a position-independent one", elf(3, 62), "elf"],
  ["one of 32 bits", elf(2, 3, 32), "elf"],
  ["an object file", elf(1, 62), "foreign"],
  ["one of another processor", elf(2, 183), "foreign"],
  ["one without program headers", elf(2, 62, 56, 0), "foreign"],
];

for (const [what, head, kind, interpreter] of cases) {
  test(`programFormat() takes ${what} as ${kind}`, (t) => {
    t.deepEqual(programFormat(Buffer.from(head, "latin1"), "x64"), { kind, interpreter });
  });
}

test("programFormat() takes ELF programs of every processor on a machine that it does not know", (t) => {
  t.is(programFormat(Buffer.from(elf(2, 258), "latin1"), "unheard-of").kind, "elf");
});

testIf("readelf")("programFormat() finds the loader that readelf finds", (t) => {
  const { stdout } = spawnSync("readelf", ["-l", process.execPath], { encoding: "utf8" });
  const wanted = /program interpreter: (.*)\]/.exec(stdout)?.[1];
  t.is(programFormat(readFileSync(process.execPath).subarray(0, PROGRAM_HEAD_BYTES)).interpreter, wanted);
});
