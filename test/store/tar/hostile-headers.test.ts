import { rejected, taken, testCases, warned, X, type Case } from "./hostile-cases.js";
import { base256, entry, file, gnuLong, header, pax, rawPax, symlink } from "./raw-tar.js";

/** Family C of the hostile corpus: headers that speak of other headers, and the xattrs in them. */
const SIZE = /size is negative, too large or no number/;
const xattr = (name: string, value: string): Buffer => Buffer.concat([pax([[`SCHILY.xattr.${name}`, value]]), file("f", "x")]);

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

/** u::rw-,g::r--,o::r-- as the kernel keeps it. */
const ACL = "\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x04\0\x04\0\xff\xff\xff\xff\x20\0\x04\0\xff\xff\xff\xff";

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
  ...[
    ["of no entries", "\x02\0\0\0"],
    ["of version 1", `\x01\0\0\0${ACL.slice(4)}`],
    ["without others", ACL.slice(0, -8)],
    ["of any bytes", "garbage"],
  ].map(([what, value = ""]) =>
    warned(
      /no access control list/,
      taken("C91", `an access control list ${what}, dropped`, [X], xattr("system.posix_acl_access", value)),
    ),
  ),
  ...(
    [
      ["a symlink", "f: symlink -> x", symlink("f", "x")],
      ["a FIFO", "f: fifo 0644", entry({ typeflag: "6" })],
      ["a device", "f: character 0644 1,3", entry({ typeflag: "3", major: 1, minor: 3 })],
    ] as const
  ).map(([what, shown, member]) =>
    warned(
      /"user\.a" belongs to files and directories alone/,
      taken("C91", `a user's xattr of ${what}, dropped`, [shown], pax([["SCHILY.xattr.user.a", "v"]]), member),
    ),
  ),
  warned(
    /belongs to directories alone/,
    taken("C91", "a default access control list of a file, dropped", [X], xattr("system.posix_acl_default", ACL)),
  ),
  warned(
    /can't stand on a symlink/,
    taken(
      "C91",
      "an access control list of a symlink, dropped",
      ["f: symlink -> x"],
      pax([["SCHILY.xattr.system.posix_acl_access", ACL]]),
      symlink("f", "x"),
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

testCases([...LONG_NAMES, ...PAX, ...XATTRS]);
