import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { importBytes, listing } from "./import-bytes.js";
import { rejected, taken, testCases, whole, X, type Case } from "./hostile-cases.js";
import { archive, base256, directory, END, file, gnuLong, header, pax, paxRecord, symlink } from "./raw-tar.js";

/** Family C of the hostile corpus: where archives end, and what comes then. */
const ENDS: readonly Case[] = [
  whole(Buffer.alloc(10_240), taken("C65", "nothing but zeros: an empty tree", [])),
  whole(Buffer.alloc(0), rejected("C65", "no bytes at all", /it is empty/)),
  whole(Buffer.from('NAME="Debian"\n'.repeat(100)), rejected("C66", "a text file", /first header has a wrong checksum/)),
  whole(Buffer.from("short"), rejected("C66", "a short text", /ends too early/)),
  whole(Buffer.concat([archive(file("f", "x")), Buffer.alloc(9000)]), taken("C67", "zeros after the end", [X])),
  {
    ...whole(Buffer.concat([archive(file("f", "x")), Buffer.alloc(9000, "garbage")]), taken("C67", "garbage after the end", [X])),
    warns: /may be a second archive/,
  },
  {
    ...whole(Buffer.concat([archive(file("f", "x")), archive(file("g", "y"))]), taken("C68", "two archives: the first", [X])),
    warns: /second archive/,
  },
  { ...whole(file("f", "x"), taken("C64", "an archive without its end", [X])), warns: /no end mark/ },
  {
    ...whole(Buffer.concat([file("f", "x"), END.subarray(0, 100)]), taken("C64", "an archive with a part of its end", [X])),
    warns: /no end mark/,
  },
  rejected("C70", "8 GiB that are not there", /ends too early/, header({ name: "f", size: base256(2n ** 33n, 12) })),
  taken(
    "C81",
    "a long target and a long name",
    [`${"n".repeat(120)}: symlink -> ${"t".repeat(120)}`],
    gnuLong("K", "t".repeat(120)),
    gnuLong("L", "n".repeat(120)),
    symlink("s", "t"),
  ),
];

testCases(ENDS);

test("importTar() of an archive cut off anywhere throws SOURCE_INVALID, or has all entries and warns of the missing end (C64)", async (t) => {
  const entries = Buffer.concat([directory("d"), pax([["path", "d/name"]]), file("f", "body".repeat(200)), file("g", "y")]);
  const complete = listing(await importBytes(Buffer.concat([entries, END])));
  for (let length = 1; length < entries.length + END.length; length += 7) {
    const cut = Buffer.concat([entries, END]).subarray(0, length);
    try {
      const imported = await importBytes(cut);
      // Between two entries nobody can tell; the warning says so.
      t.true(complete.join("\n").startsWith(listing(imported).join("\n")), String(length));
      if (length < entries.length + 512) t.regex(imported.warnings.join(), /no end mark/);
      t.true(length % 512 === 0 || length > entries.length, String(length));
    } catch (error) {
      t.true(error instanceof VarveError && error.code === "SOURCE_INVALID", String(length));
    }
  }
});

test("importTar() counts warnings past the two hundredth", async (t) => {
  const parts = Array.from({ length: 300 }, () => file("f", "x"));
  const { warnings } = await importBytes(archive(...parts));
  t.is(warnings.length, 201);
  t.regex(warnings.at(-1) ?? "", /99 more warnings/);
});

test("paxRecord() of the tests counts its own length", (t) => {
  t.is(paxRecord("path", "x"), "9 path=x\n");
  t.is(paxRecord("path", "xy"), "11 path=xy\n");
});
