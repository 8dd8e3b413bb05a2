import { rejected, taken, testCases, warned, X, type Case } from "./hostile-cases.js";
import { base256, directory, entry, file, hardlink, header, pax, type RawHeader } from "./raw-tar.js";

/** Family C of the hostile corpus: numbers and types in headers. */
const SIZE = /size is negative, too large or no number/;
const one = (raw: RawHeader): Buffer => header({ name: "f", ...raw });

const NUMBERS: readonly Case[] = [
  rejected("C69", "a negative size in base-256", SIZE, one({ size: base256(-1n, 12) })),
  rejected("C69", "a negative size in octal", SIZE, one({ size: "-1\0" })),
  rejected("C69", "a size of 2^63 - 1", SIZE, one({ size: base256(2n ** 63n - 1n, 12) })),
  rejected("C72", "a size of more than 64 bits", SIZE, one({ size: base256(2n ** 80n, 12) })),
  rejected("C71", "a size with an 8", SIZE, one({ size: "00000000008\0" })),
  rejected("C71", "a size with a letter", SIZE, one({ size: "0000000000x\0" })),
  rejected("C71", "a size of blanks", SIZE, one({ size: "            " })),
  rejected("C71", "a uid of letters", /user id is no number/, one({ uid: "xxxxxxx\0" })),
  rejected("C71", "a gid of blanks", /group id is no number/, one({ gid: "        " })),
  rejected("C71", "an mtime of letters", /modification time is no number/, one({ mtime: "yesterday\0" })),
  rejected("C71", "a mode of letters", /mode is no number/, one({ mode: "rwxr-x\0" })),
  rejected("C71", "a checksum of letters", /wrong checksum/, one({ checksum: "xxxxxx\0 " })),
  rejected("C62", "a wrong checksum", /wrong checksum/, one({ checksum: "000001\0 " })),
  rejected(
    "C62",
    "a wrong checksum after an entry",
    /header after it has a wrong checksum/,
    file("f", "x"),
    one({ checksum: "000001\0 " }),
  ),
  taken("C63", "a checksum of signed bytes", ['\xff\xfe: file 0644 "x"'], file("\xff\xfe", "x", { checksum: "signed" })),
  taken(
    "C71",
    "fields of NULs, as old writers leave them",
    ['f: file 0644 "x"'],
    file("f", "x", { uid: "", gid: "", mtime: "", magic: "" }),
  ),
  taken("C71", "fields with leading blanks", ['f: file 0644 5:6 "x"'], file("f", "x", { uid: "     5\0", gid: "     6 " })),
  taken(
    "C73",
    "owners of 2^31 and 2^32 - 2",
    ['f: file 0644 2147483648:4294967294 "x"'],
    pax([
      ["uid", "2147483648"],
      ["gid", "4294967294"],
    ]),
    file("f", "x"),
  ),
  taken(
    "C73",
    "owners in base-256",
    ['f: file 0644 2147483648:4294967294 "x"'],
    file("f", "x", { uid: base256(2n ** 31n, 8), gid: base256(2n ** 32n - 2n, 8) }),
  ),
  rejected("C73", "owner 2^32 - 1", /user id is no number from 0/, pax([["uid", "4294967295"]]), file("f")),
  rejected("C73", "owner 2^32", /group id is no number/, pax([["gid", "4294967296"]]), file("f")),
  rejected("C73", "a negative owner", /user id is no number/, file("f", "", { uid: base256(-2n, 8) })),
  rejected("C73", "a negative owner in an extended header", /user id is no number/, pax([["uid", "-2"]]), file("f")),
  taken("C74", "a mode with type bits", ['f: file 4755 "x"'], file("f", "x", { mode: "0104755\0" })),
  taken(
    "C75",
    "setuid, setgid and sticky",
    ["d: directory 1777", 'f: file 6755 "x"'],
    directory("d", { mode: 0o1777 }),
    file("f", "x", { mode: 0o6755 }),
  ),
  rejected(
    "C76",
    "a negative device number",
    /device number is out of range/,
    one({ typeflag: "3", major: base256(-1n, 8), minor: 1 }),
  ),
  rejected(
    "C76",
    "a device number of 2^32",
    /device number is out of range/,
    one({ typeflag: "4", major: base256(2n ** 32n, 8), minor: 1 }),
  ),
  rejected(
    "C76",
    "a device number that would wrap to 1",
    /device number is out of range/,
    one({ typeflag: "3", major: base256(4294967297n, 8), minor: 1 }),
  ),
  rejected(
    "C76",
    "a device number that no kernel has",
    /device number is out of range/,
    one({ typeflag: "3", major: 4096, minor: 1 }),
  ),
  taken(
    "C77",
    "a FIFO and devices",
    ["b: block 0644 259,70000", "c: character 0644 1,3", "p: fifo 0644"],
    header({ name: "p", typeflag: "6" }),
    header({ name: "c", typeflag: "3", major: 1, minor: 3 }),
    header({ name: "b", typeflag: "4", major: 259, minor: 70_000 }),
  ),
  rejected("C77", "a FIFO with a body", /a fifo with a size of 5/, entry({ name: "p", typeflag: "6" }, "hello")),
  rejected(
    "C77",
    "a device with a body",
    /a character with a size of 5/,
    entry({ name: "c", typeflag: "3", major: 1, minor: 3 }, "hello"),
  ),
  taken("C95", "times before 1970", ['f: file 0644 @-2+500000000 "x"'], pax([["mtime", "-1.5"]]), file("f", "x")),
  taken("C95", "a time of -0.5", ['f: file 0644 @-1+500000000 "x"'], pax([["mtime", "-0.5"]]), file("f", "x")),
  taken(
    "C95",
    "a time of 2^33 in base-256",
    ['f: file 0644 @8589934592+0 "x"'],
    file("f", "x", { mtime: base256(2n ** 33n, 12) }),
  ),
  taken("C95", "a time before 1970 in base-256", ['f: file 0644 @-2+0 "x"'], file("f", "x", { mtime: base256(-2n, 12) })),
  taken("C95", "the year 2300", ['f: file 0644 @10413792000+0 "x"'], pax([["mtime", "10413792000"]]), file("f", "x")),
  taken(
    "C95",
    "a million digits of a second",
    ['f: file 0644 @1+123456789 "x"'],
    pax([["mtime", `1.${"123456789".repeat(111_111)}`]]),
    file("f", "x"),
  ),
  taken(
    "C95",
    "more digits than a nanosecond, rounded down",
    ['f: file 0644 @-2+999999999 "x"'],
    pax([["mtime", "-1.0000000001"]]),
    file("f", "x"),
  ),
  rejected("C84", "a time with two signs", /modification time is no number/, pax([["mtime", "1.-5"]]), file("f")),
  rejected("C84", "a time that is no number", /modification time is no number/, pax([["mtime", "nan"]]), file("f")),
  rejected(
    "C84",
    "a time past all counting",
    /modification time is no number/,
    pax([["mtime", "99999999999999999999"]]),
    file("f"),
  ),
];

const TYPES: readonly Case[] = [
  ..."ABCDEFGHIJMNOPQRTUWXYZazm"
    .split("")
    .map((typeflag) => rejected("C78", `an entry of type ${typeflag}`, /its type ".*" is unknown/, one({ typeflag }))),
  taken("C78", "a volume label, passed over", [X], one({ name: "my disk", typeflag: "V" }), file("f", "x")),
  taken("C79", "v7's directory", ["d: directory 0755"], header({ name: "d/", typeflag: "\0", mode: 0o755, magic: "" })),
  taken("C79", "type 7 as a file", [X], file("f", "x", { typeflag: "7" })),
  warned(
    /symlink with a body of 5/,
    taken(
      "C80",
      "a symlink with a body",
      [X, "l: symlink -> t"],
      entry({ name: "l", typeflag: "2", linkname: "t" }, "hello"),
      file("f", "x"),
    ),
  ),
  warned(
    /directory with a body of 5/,
    taken(
      "C80",
      "a directory with a body",
      ["d: directory 0755", X],
      entry({ name: "d", typeflag: "5", mode: 0o755 }, "hello"),
      file("f", "x"),
    ),
  ),
  taken(
    "C80",
    "a hardlink with a size and no body",
    ['f: file 0644 "hello" = f h', 'g: file 0644 "x"', 'h: file 0644 "hello" = f h'],
    file("f", "hello"),
    hardlink("h", "f", { size: 5 }),
    file("g", "x"),
  ),
  taken(
    "C96",
    "names of owners in any charset",
    ['f: file 0644 1000:0 "x"'],
    file("f", "x", { uid: 1000, patch: (block) => block.write("root\xff", 265, "latin1") }),
  ),
  taken(
    "C97",
    "a prefix and a name of 100 bytes",
    ["p".repeat(155), `${"p".repeat(155)}/${"n".repeat(100)}`].map(
      (path, index) => `${path}: ${["directory 0755", 'file 0644 "x"'][index] ?? ""}`,
    ),
    file("n".repeat(100), "x", { prefix: "p".repeat(155) }),
  ),
  taken("C98", "GNU's magic, whose prefix is none", [X], file("f", "x", { magic: "ustar  \0", prefix: "12345670123" })),
  taken(
    "C98",
    "star's shorter prefix",
    ["p: directory 0755", 'p/f: file 0644 "x"'],
    file("f", "x", { prefix: "p", patch: (block) => block.write("tar\0", 508, "latin1") }),
  ),
  taken(
    "C99",
    "a hardlink with other metadata: the first counts",
    ['f: file 0600 1:0 "x" = f h', 'h: file 0600 1:0 "x" = f h'],
    file("f", "x", { mode: 0o600, uid: 1 }),
    hardlink("h", "f", { mode: 0o777, uid: 2 }),
  ),
];

testCases([...NUMBERS, ...TYPES]);
