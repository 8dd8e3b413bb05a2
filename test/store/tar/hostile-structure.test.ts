import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { importBytes, listing } from "./import-bytes.js";
import {
  archive,
  base256,
  directory,
  END,
  entry,
  file,
  gnuLong,
  hardlink,
  header,
  padded,
  pax,
  paxRecord,
  rawPax,
  symlink,
  type RawHeader,
} from "./raw-tar.js";

/** Family C of the hostile corpus: the structure of a tar. */
interface Case {
  readonly id: string;
  readonly why: string;
  readonly bytes: () => Buffer;
  readonly rejects?: RegExp;
  readonly gives?: readonly string[];
  readonly warns?: RegExp;
}

const rejected = (id: string, why: string, rejects: RegExp, ...parts: readonly Buffer[]): Case => ({
  id,
  why,
  bytes: () => archive(...parts),
  rejects,
});
const taken = (id: string, why: string, gives: readonly string[], ...parts: readonly Buffer[]): Case => ({
  id,
  why,
  bytes: () => archive(...parts),
  gives,
});
const warned = (warns: RegExp, one: Case): Case => ({ ...one, warns });
const whole = (bytes: Buffer, one: Case): Case => ({ ...one, bytes: () => bytes });

const X = 'f: file 0644 "x"';
const SIZE = /size is negative, too large or no number/;
const one = (raw: RawHeader): Buffer => header({ name: "f", ...raw });
const xattr = (name: string, value: string): Buffer => Buffer.concat([pax([[`SCHILY.xattr.${name}`, value]]), file("f", "x")]);
const sparse1 = (map: string, size: string, data: string): Buffer[] => [
  pax([
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.name", "f"],
    ["GNU.sparse.realsize", size],
  ]),
  entry({ name: "GNUSparseFile.0/f" }, Buffer.concat([padded(map), Buffer.from(data)])),
];
const sparse01 = (map: string, size: string, data: string): Buffer[] => [
  pax([
    ["GNU.sparse.size", size],
    ["GNU.sparse.map", map],
    ["GNU.sparse.name", "f"],
  ]),
  file("GNUSparseFile.0/f", data),
];
const sparseS = (pieces: readonly (readonly [number, number])[], size: number, data: string, isExtended = false): Buffer =>
  entry(
    {
      name: "f",
      typeflag: "S",
      magic: "ustar  \0",
      patch: (block) => {
        for (const [index, [offset, length]] of pieces.entries()) {
          block.write(
            `${offset.toString(8).padStart(11, "0")}\0${length.toString(8).padStart(11, "0")}\0`,
            386 + 24 * index,
            "latin1",
          );
        }
        if (isExtended) block[482] = 1;
        block.write(`${size.toString(8).padStart(11, "0")}\0`, 483, "latin1");
      },
    },
    data,
  );
const SPARSE = `f: file 0644 ${JSON.stringify("\0\0ab\0\0\0cd\0")}`;

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

const LONG_NAMES: readonly Case[] = [
  taken("C81", "a long name", [`${"n".repeat(200)}: file 0644 "x"`], gnuLong("L", "n".repeat(200)), file("f", "x")),
  taken("C81", "a long name that ends at a NUL", ['name: file 0644 "x"'], gnuLong("L", "name\0../victim"), file("f", "x")),
  taken(
    "C81",
    "a long name without its NUL",
    ['name: file 0644 "x"'],
    entry({ name: "L", typeflag: "L" }, "name"),
    file("f", "x"),
  ),
  taken(
    "C81",
    "two long names: the last counts",
    ['two: file 0644 "x"'],
    gnuLong("L", "one"),
    gnuLong("L", "two"),
    file("f", "x"),
  ),
  rejected("C81", "a long name at the end", /ends after its extended header/, gnuLong("L", "name")),
  rejected(
    "C81",
    "a long name of 2 MiB",
    /header of type L has 2097152 bytes/,
    header({ name: "L", typeflag: "L", size: 2 ** 21 }),
  ),
  rejected("C81", "a long name of 100 MiB", /header of type L has/, header({ name: "L", typeflag: "L", size: 100 * 2 ** 20 })),
  rejected("C81", "an empty long name", /long name is empty/, entry({ name: "L", typeflag: "L" }, "\0"), file("f")),
];

const PAX: readonly Case[] = [
  taken("C82", "an extended header of 1 MiB", [X], pax([["comment", "c".repeat(2 ** 20)]]), file("f", "x")),
  rejected(
    "C82",
    "an extended header above the cap",
    /header of type x has/,
    header({ name: "x", typeflag: "x", size: 9 * 2 ** 20 }),
  ),
  rejected(
    "C82",
    "an extended header of negative size",
    /header of type x has/,
    header({ name: "x", typeflag: "x", size: base256(-512n, 12) }),
  ),
  ...[
    "0 path=x\n",
    "8 path=x\n",
    "-1 path=x\n",
    "99999999999 path=x\n",
    "7 path=x\n",
    "10 path=xx",
    " 9 path=x\n",
    "path=x\n",
    "0x9 path=x\n",
  ].map((body) => rejected("C82", `a record ${JSON.stringify(body)}`, /record has a wrong length/, rawPax(body), file("f"))),
  rejected("C82", "a record without an equals sign", /no equals sign/, rawPax("9 pathxx\n"), file("f")),
  rejected("C83", "a keyword with a NUL", /keyword is empty or has a NUL/, pax([["pa\0th", "x"]]), file("f")),
  rejected("C83", "an empty keyword", /keyword is empty or has a NUL/, pax([["", "x"]]), file("f")),
  rejected("C83", "a path with a NUL", /its path has a NUL/, pax([["path", "a\0b"]]), file("f")),
  taken(
    "C83",
    "an empty value, which takes the record back",
    [X],
    pax([
      ["path", "other"],
      ["path", ""],
    ]),
    file("f", "x"),
  ),
  taken("C84", "a path that is a number", ['12345: file 0644 "x"'], pax([["path", "12345"]]), file("f", "x")),
  ...["abc", "-1", "1e3", "0x10", " 1", "+1", "1.0", "9007199254740993", "99999999999999999999"].map((size) =>
    rejected("C84", `a size "${size}"`, SIZE, pax([["size", size]]), file("f", "x")),
  ),
  warned(
    /header says 0 bytes, its extended header 1536/,
    taken(
      "C85",
      "a body that looks like an archive, by the extended header's size",
      ['inner.tar: file 0644 "1536 bytes"'],
      pax([["size", "1536"]]),
      header({ name: "inner.tar", size: 0 }),
      file("../../evil", "x"),
      Buffer.alloc(512),
    ),
  ),
  warned(
    /header says 1024 bytes, its extended header 0/,
    taken(
      "C85",
      "an extended header's size of 0 over a larger one",
      ['evil: file 0644 "x"', 'f: file 0644 ""'],
      pax([["size", "0"]]),
      header({ name: "f", size: 1024 }),
      file("evil", "x"),
    ),
  ),
  taken(
    "C86",
    "a size that stands before a long name",
    [`${"n".repeat(120)}: file 0644 "hello"`],
    pax([["size", "5"]]),
    gnuLong("L", "n".repeat(120)),
    entry({ name: "f" }, "hello"),
  ),
  taken(
    "C86",
    "a global header between an extended one and its entry",
    ['name: file 0644 "x"', 'o: file 0644 ""'],
    pax([["path", "name"]]),
    pax([["comment", "c"]], "g"),
    file("f", "x"),
    file("o"),
  ),
  warned(
    /of two extended headers/,
    taken(
      "C86",
      "two extended headers: the last counts",
      ['two: file 0644 "x"'],
      pax([["path", "one"]]),
      pax([["path", "two"]]),
      file("f", "x"),
    ),
  ),
  rejected("C86", "an extended header at the end", /ends after its extended header/, pax([["path", "x"]])),
  warned(
    /global header's "(path|size|linkpath)"/,
    taken(
      "C87",
      "a global path and size, passed over",
      [X, 'g: file 0644 ""'],
      pax(
        [
          ["path", "evil"],
          ["size", "512"],
          ["linkpath", "/"],
        ],
        "g",
      ),
      file("f", "x"),
      file("g"),
    ),
  ),
  taken(
    "C87",
    "a global owner, for all entries",
    ['f: file 0644 5:0 "x"', 'g: file 0644 5:0 ""'],
    pax([["uid", "5"]], "g"),
    file("f", "x"),
    file("g"),
  ),
  taken("C88", "a global comment of 1 MiB", [X], pax([["comment", "c".repeat(2 ** 20)]], "g"), file("f", "x")),
];

const XATTRS: readonly Case[] = [
  rejected("C89", "an xattr without a name", /xattr's name has 0 bytes/, xattr("", "x")),
  rejected("C89", "an xattr's name of 256 bytes", /xattr's name has 256 bytes/, xattr(`user.${"n".repeat(251)}`, "x")),
  taken("C89", "an xattr's name of 255 bytes", [`${X} user.${"n".repeat(250)}="v"`], xattr(`user.${"n".repeat(250)}`, "v")),
  rejected("C89", "an xattr of 65,537 bytes", /xattr has 65537 bytes/, xattr("user.x", "v".repeat(65_537))),
  rejected("C89", "an xattr in no namespace", /in no namespace of Linux/, xattr("nonsense.x", "v")),
  rejected("C89", "an xattr named by its namespace alone", /in no namespace of Linux/, xattr("user.", "v")),
  rejected(
    "C89",
    "10,000 xattrs",
    /names of its xattrs have/,
    pax(Array.from({ length: 10_000 }, (_, n) => [`SCHILY.xattr.user.${n}`, "v"] as const)),
    file("f"),
  ),
  taken("C90", "an xattr of any bytes", [`${X} user.x="=\\n\\u0000ÿ"`], xattr("user.x", "=\n\0\xff")),
  taken("C90", "an empty xattr", [`${X} user.x=""`], xattr("user.x", "")),
  taken("C90", "an xattr's name with an equals sign, as GNU tar escapes it", [`${X} user.a=b%="v"`], xattr("user.a%3Db%25", "v")),
  taken("C91", "libarchive's form", [`${X} user.a b="hello"`], pax([["LIBARCHIVE.xattr.user.a%20b", "aGVsbG8"]]), file("f", "x")),
  taken(
    "C91",
    "libarchive's form beside the plain one, which counts",
    [`${X} user.a="plain"`],
    pax([
      ["SCHILY.xattr.user.a", "plain"],
      ["LIBARCHIVE.xattr.user.a", "aGVsbG8="],
    ]),
    file("f", "x"),
  ),
  taken(
    "C91",
    "an access control list as text",
    [
      `${X} system.posix_acl_access=${JSON.stringify(Buffer.from("0200000001000600ffffffff02000600d204000004000400ffffffff10000600ffffffff20000000ffffffff", "hex").toString("latin1"))}`,
    ],
    pax([["SCHILY.acl.access", "user::rw-,user:joe:rw-:1234,group::r--,mask::rw-,other::---"]]),
    file("f", "x"),
  ),
  warned(
    /names users or groups without their numbers/,
    taken(
      "C91",
      "an access control list of names alone",
      [X],
      pax([["SCHILY.acl.access", "user::rw-,user:joe:rw-,group::r--,mask::rw-,other::---"]]),
      file("f", "x"),
    ),
  ),
  ...[3, 12, 400].map((length) =>
    warned(
      /no file capability/,
      taken(
        "C92",
        `a capability of ${length} bytes`,
        [X],
        xattr("security.capability", "\x01\0\0\x02".padEnd(length, "\0").slice(0, length)),
      ),
    ),
  ),
  warned(
    /no file capability/,
    taken(
      "C92",
      "a capability of version 3 with the length of 2",
      [X],
      xattr("security.capability", `\x01\0\0\x03${"\0".repeat(16)}`),
    ),
  ),
  taken(
    "C92",
    "a capability of version 2",
    [`${X} security.capability=${JSON.stringify(`\x01\0\0\x02${"\0".repeat(16)}`)}`],
    xattr("security.capability", `\x01\0\0\x02${"\0".repeat(16)}`),
  ),
  taken(
    "C92",
    "a capability of version 3",
    [`${X} security.capability=${JSON.stringify(`\0\0\0\x03${"\0".repeat(20)}`)}`],
    xattr("security.capability", `\0\0\0\x03${"\0".repeat(20)}`),
  ),
  ...["security.selinux", "security.ima", "security.evm"].map((name) =>
    warned(/machine's own security policy/, taken("R21", `${name}, dropped`, [X], xattr(name, "v"))),
  ),
  ...["trusted.overlay.opaque", "trusted.overlay.redirect", "trusted.overlay.metacopy", "user.overlay.whiteout"].map((name) =>
    warned(/would steer overlayfs/, taken("R22", `${name}, dropped`, [X], xattr(name, "y"))),
  ),
  warned(/can't be held by Linux/, taken("C89", "an xattr of macOS, dropped", [X], xattr("com.apple.quarantine", "v"))),
];

const SPARSES: readonly Case[] = [
  taken(
    "C93",
    "a sparse file of the old form",
    [SPARSE],
    sparseS(
      [
        [2, 2],
        [7, 2],
      ],
      10,
      "abcd",
    ),
  ),
  taken(
    "C93",
    "a sparse file of the old form with a map in two blocks",
    [SPARSE],
    Buffer.concat([sparseS([[2, 2]], 10, "abcd", true).subarray(0, 512), padded("00000000007\x0000000000002\0"), padded("abcd")]),
  ),
  taken(
    "C93",
    "a sparse file 0.0",
    [SPARSE],
    pax([
      ["GNU.sparse.size", "10"],
      ["GNU.sparse.numblocks", "2"],
      ["GNU.sparse.offset", "2"],
      ["GNU.sparse.numbytes", "2"],
      ["GNU.sparse.offset", "7"],
      ["GNU.sparse.numbytes", "2"],
    ]),
    file("f", "abcd"),
  ),
  taken("C93", "a sparse file 0.1", [SPARSE], ...sparse01("2,2,7,2", "10", "abcd")),
  taken("C93", "a sparse file 1.0", [SPARSE], ...sparse1("3\n2\n2\n7\n2\n10\n0\n", "10", "abcd")),
  taken(
    "C93",
    "a sparse file that is one hole",
    [`f: file 0644 ${JSON.stringify("\0".repeat(10))}`],
    ...sparse1("0\n", "10", ""),
  ),
  taken(
    "C93",
    "a file after a sparse file",
    [SPARSE, 'g: file 0644 "x"'],
    ...sparse1("2\n2\n2\n7\n2\n", "10", "abcd"),
    file("g", "x"),
  ),
  rejected(
    "C93",
    "a sparse file 2.0",
    /sparse format is 2.0/,
    pax([
      ["GNU.sparse.major", "2"],
      ["GNU.sparse.minor", "0"],
    ]),
    file("f"),
  ),
  rejected(
    "C93",
    "a sparse directory",
    /it is sparse, but a directory/,
    pax([
      ["GNU.sparse.size", "10"],
      ["GNU.sparse.map", ""],
    ]),
    directory("d"),
  ),
  rejected("C94", "a sparse map that overlaps", /does not ascend/, ...sparse01("2,2,3,2", "10", "abcd")),
  rejected("C94", "a sparse map that descends", /does not ascend/, ...sparse01("7,2,2,2", "10", "abcd")),
  rejected("C94", "a sparse map with a negative offset", /missing or no number/, ...sparse01("-2,2", "10", "ab")),
  rejected("C94", "a sparse map beyond the size", /reaches beyond its size/, ...sparse01("2,2,9,2", "10", "abcd")),
  rejected(
    "C94",
    "a sparse map with more data than is stored",
    /4 bytes of data, but 2 are stored/,
    ...sparse01("2,2,7,2", "10", "ab"),
  ),
  rejected(
    "C94",
    "a sparse map with less data than is stored",
    /2 bytes of data, but 4 are stored/,
    ...sparse01("2,2", "10", "abcd"),
  ),
  rejected("C94", "a sparse map with an offset alone", /offset without a length/, ...sparse01("2", "10", "ab")),
  rejected("C94", "a sparse file without its size", /missing or no number/, pax([["GNU.sparse.map", "0,1"]]), file("f", "x")),
  rejected("C94", "a sparse map of many empty pieces", /pieces without data/, ...sparse01("0,0,0,0,0,0", "10", "")),
  rejected(
    "C94",
    "a sparse map of 1,000,000 empty pieces",
    /pieces without data/,
    ...sparse1(`1000000\n${"0\n".repeat(2_000_000)}`, "10", ""),
  ),
  rejected("C94", "a sparse map of more pieces than are taken", /more than 1000000 pieces/, ...sparse1("1000001\n", "10", "")),
  rejected(
    "C94",
    "a sparse map that its body does not hold",
    /reaches beyond its body/,
    ...sparse1(`500\n${"1\n".repeat(254)}`, "10", ""),
  ),
  rejected("C94", "a sparse file of 4 PiB without data", /bytes of holes/, ...sparse01("", String(2 ** 52), "")),
  rejected(
    "C94",
    "an old sparse map with letters",
    /number that can't be read/,
    entry({ name: "f", typeflag: "S", patch: (block) => block.write("xxxxxxxxxxx\0yyyyyyyyyyy\0", 386, "latin1") }, "ab"),
  ),
];

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

for (const { id, why, bytes, rejects, gives, warns } of [
  ...NUMBERS,
  ...TYPES,
  ...LONG_NAMES,
  ...PAX,
  ...XATTRS,
  ...SPARSES,
  ...ENDS,
]) {
  test(`importTar() ${rejects === undefined ? "takes" : "refuses"} ${why} (${id})`, async (t) => {
    for (const step of [65_536, 700]) {
      if (rejects !== undefined) {
        const error = await t.throwsAsync(importBytes(bytes(), step), { instanceOf: VarveError });
        t.is(error.code, "SOURCE_INVALID");
        t.regex(error.message, rejects);
        t.truthy(error.hint);
        continue;
      }
      const imported = await importBytes(bytes(), step);
      t.deepEqual(listing(imported), gives);
      if (warns === undefined)
        t.deepEqual(
          imported.warnings.filter((warning) => !/may be a second/.test(warning)),
          [],
        );
      else
        t.true(
          imported.warnings.some((warning) => warns.test(warning)),
          imported.warnings.join(),
        );
    }
  });
}

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

test("importTar() gives the same tree for pieces of any length", async (t) => {
  const bytes = archive(
    pax([
      ["path", "a/b"],
      ["SCHILY.xattr.user.x", "\0\n="],
    ]),
    file("f", "hello".repeat(300)),
    ...sparse1("2\n2\n2\n7\n2\n", "10", "abcd"),
    hardlink("h", "a/b"),
  );
  const wanted = listing(await importBytes(bytes));
  for (const step of [1, 2, 7, 511, 512, 513, 1023, 1024, 1025])
    t.deepEqual(listing(await importBytes(bytes, step)), wanted, String(step));
});

test("importTar() keeps the holes of a sparse file", async (t) => {
  const { tree, writer } = await importBytes(archive(...sparse01("2,2,7,2", "10", "abcd")));
  const node = tree.root.child("f" as never);
  t.true(node !== undefined && "content" in node);
  if (node === undefined || !("content" in node)) return;
  t.deepEqual(
    writer.extents(node.content.stored).map(({ offset, length, kind }) => `${kind} ${offset} ${length}`),
    ["hole 0 2", "data 2 2", "hole 4 3", "data 7 2", "hole 9 1"],
  );
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
