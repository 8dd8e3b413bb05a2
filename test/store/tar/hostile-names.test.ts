import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { rejected, taken, warned, type Case } from "./hostile-cases.js";
import { importBytes, listing } from "./import-bytes.js";
import { archive, directory, file, gnuLong, hardlink, header, pax, symlink } from "./raw-tar.js";

const DOTS = /has "\.\."/;
const aliases = Array.from({ length: 16 }, (_, depth) => "d".repeat(247) + String.fromCharCode(97 + depth));
const linkName = (n: number): string => `l${String(n).padStart(2, "0")}`;
const hops = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, n) => symlink(linkName(n), n + 1 < count ? linkName(n + 1) : "end"));

/** Families A and B of the hostile corpus: names and links. */
const CASES: readonly Case[] = [
  rejected("A1", "a file above the root", DOTS, file("../victim/x")),
  rejected("A2", "a file above the root by an absolute path", DOTS, file("/../victim/x")),
  rejected("A2", "a path that climbs out of a directory", DOTS, file("a/../../x")),
  rejected("A2", "dots between single dots", DOTS, file("/./../x")),
  rejected("A3", "a file named ..", DOTS, file("..")),
  rejected("A3", "a directory named ..", DOTS, directory("..")),
  rejected("A7", "a directory that comes back to the root", DOTS, directory("a/..")),
  taken("A4", "an absolute path, below the root", ["etc: directory 0755", 'etc/x: file 0644 "x"'], file("/etc/x", "x")),
  taken(
    "A5",
    "many slashes and dots",
    ["etc: directory 0755", "etc/x: directory 0755", 'etc/x/y: file 0644 "x"'],
    file("////etc//x/./y", "x"),
  ),
  rejected("A6", "an empty name", /its path is empty/, file("")),
  rejected("A6", "an empty name of a symlink", /its path is empty/, symlink("", "/etc/")),
  taken("A7", "the root as a directory", [], directory("./", { mode: 0o700 })),
  rejected("A7", "the root as a symlink", /the root and a symlink/, symlink(".", "/w/victim")),
  rejected("A7", "the root as a symlink, absolute", /the root and a symlink/, symlink("/.", "/w/victim")),
  rejected("A7", "the root as a file", /the root and a file/, file(".", "x")),
  rejected("A7", "the root as a hardlink", /the root and a hardlink/, file("x"), hardlink("./", "x")),
  taken(
    "A8",
    "a file through an absolute symlink, within the root",
    ["etc: directory 0755", 'etc/f: file 0644 "x"', "x: symlink -> /etc"],
    symlink("x", "/etc"),
    file("x/f", "x"),
  ),
  taken(
    "A9",
    "a file through a symlink that climbs, stopped at the root",
    ["etc: directory 0755", 'etc/f: file 0644 "x"', "x: symlink -> ../../etc"],
    symlink("x", "../../etc"),
    file("x/f", "x"),
  ),
  warned(
    /replaces an earlier entry/,
    taken("A10", "a file over a symlink: the link goes", ['x: file 0644 "new"'], symlink("x", "../victim"), file("x", "new")),
  ),
  taken(
    "A11",
    "a directory over a symlink: the link goes",
    ["x: directory 0755", 'x/f: file 0644 "x"'],
    symlink("x", "../victim"),
    directory("x"),
    file("x/f", "x"),
  ),
  taken(
    "A12",
    "a file through two symlinks",
    [
      "escape: symlink -> ../victim",
      "inner: directory 0755",
      "inner/go_up: symlink -> ..",
      "victim: directory 0755",
      'victim/newfile: file 0644 "x"',
    ],
    directory("inner"),
    symlink("inner/go_up", ".."),
    symlink("inner/go_up/escape", "../victim"),
    file("inner/go_up/escape/newfile", "x"),
  ),
  rejected(
    "A13",
    "a hardlink to what only stands outside",
    /target is not in the archive/,
    directory("a/b/c"),
    symlink("a/b/c/up", "../.."),
    symlink("a/b/escape", "c/up/../.."),
    hardlink("exfil", "a/b/escape/victim/hello"),
  ),
  rejected("A14", "a hardlink above the root", /its target has "\.\."/, hardlink("h", "../victim/hello")),
  rejected("A14", "a hardlink above the root, absolute", /its target has "\.\."/, hardlink("h", "/../victim/hello")),
  taken(
    "A15",
    "a hardlink to an absolute path",
    ['h: file 0644 "x" = h usr/perl', "usr: directory 0755", 'usr/perl: file 0644 "x" = h usr/perl'],
    file("usr/perl", "x"),
    hardlink("h", "/usr/perl"),
  ),
  rejected("A16", "a hardlink beside the root", /its target has "\.\."/, hardlink("h", "../root-evil/secret")),
  rejected("A17", "a hardlink to a directory", /target is a directory/, directory("d"), hardlink("h", "d")),
  rejected("A17", "a hardlink to the root", /target is a directory/, hardlink("h", ".")),
  rejected("A18", "a hardlink to itself", /hardlink to itself/, file("h", "x"), hardlink("h", "h")),
  rejected("A18", "a hardlink to itself before it is there", /not in the archive before/, hardlink("h", "h")),
  rejected("A19", "a hardlink to a later entry", /not in the archive before/, hardlink("h", "f"), file("f", "x")),
  taken(
    "A21",
    "a hardlink to a symlink shares the symlink",
    ["h: symlink -> t = h l", "l: symlink -> t = h l"],
    symlink("l", "t"),
    hardlink("h", "l"),
  ),
  taken(
    "A22",
    "a hardlink's own mode changes nothing",
    ["h: symlink -> t = h l", "l: symlink -> t = h l", 't: file 0400 "x"'],
    symlink("l", "t"),
    hardlink("h", "l", { mode: 0o777 }),
    file("t", "x", { mode: 0o400 }),
  ),
  rejected("A23", "a file below a hardlink", /should be its directory is a file/, file("t"), hardlink("h", "t"), file("h/file")),
  taken(
    "A24",
    "a file over a hardlink leaves the other name as it was",
    ['h: file 0644 "new"', 't: file 0644 "old"'],
    file("t", "old"),
    hardlink("h", "t"),
    file("h", "new"),
  ),
  rejected("A25", "a circle of symlinks", /more than 40 symlinks/, symlink("a", "b"), symlink("b", "a"), file("a/x")),
  rejected("A26", "a chain of 41 symlinks", /more than 40 symlinks/, ...hops(41), file("l00/f")),
  taken(
    "A26",
    "a chain of 40 symlinks",
    ["end: directory 0755", 'end/f: file 0644 "x"', ...hopLines(40)],
    ...hops(40),
    file("l00/f", "x"),
  ),
  taken(
    "A27",
    "a symlink of 4,095 bytes",
    [`l: symlink -> ${"t".repeat(4095)}`],
    gnuLong("K", "t".repeat(4095)),
    symlink("l", "t"),
  ),
  rejected("A27", "a symlink of 4,096 bytes", /target has 4096 bytes/, gnuLong("K", "t".repeat(4096)), symlink("l", "t")),
  rejected("A28", "an empty symlink", /target has 0 bytes/, symlink("l", "")),
  rejected("A28", "a symlink with a NUL", /linkpath has a NUL/, pax([["linkpath", "a\0b"]]), symlink("l", "x")),
  taken("A28", "a symlink with a newline and no UTF-8", ["l: symlink -> a\n\xff"], symlink("l", "a\n\xff")),
  taken(
    "A29",
    "a path too long for the kernel, by aliases, within the root",
    ["victim: directory 0755", 'victim/x: file 0644 "x"'],
    ...aliasChain(),
  ),
  taken(
    "A30",
    "a directory that becomes a symlink",
    ["d: symlink -> ../victim", "victim: directory 0755", 'victim/x: file 0644 "x"'],
    directory("d"),
    file("d/old", "x"),
    symlink("d", "../victim"),
    file("d/x", "x"),
  ),
  taken(
    "A31",
    "names that differ in case",
    ["FOO: directory 0755", 'FOO/x: file 0644 "x"', "foo: symlink -> ../victim"],
    directory("FOO"),
    symlink("foo", "../victim"),
    file("FOO/x", "x"),
  ),
  taken(
    "A32",
    "names that Unicode takes as one",
    ['e\xcc\x81: file 0644 "2"', 'ss: file 0644 "4"', '\xc3\x9f: file 0644 "3"', '\xc3\xa9: file 0644 "1"'],
    file("\xc3\xa9", "1"),
    file("e\xcc\x81", "2"),
    file("\xc3\x9f", "3"),
    file("ss", "4"),
  ),
  taken(
    "A33",
    "backslashes and drive letters",
    ['C:\\x: file 0644 "1"', 'c:..\\x: file 0644 "2"'],
    file("C:\\x", "1"),
    file("c:..\\x", "2"),
  ),
  taken(
    "A34",
    "control characters and a dash",
    ['-rf: file 0644 "2"', 'a\n\x1b[2J\x7f : file 0644 "1"'],
    file("a\n\x1b[2J\x7f ", "1"),
    file("-rf", "2"),
  ),
  taken(
    "A35",
    "names that are no UTF-8",
    ['\xff\xfd: file 0644 "2"', '\xff\xfe: file 0644 "1"'],
    file("\xff\xfe", "1"),
    file("\xff\xfd", "2"),
  ),
  taken("A36", "a name of 255 bytes", [`${"n".repeat(255)}: file 0644 "x"`], gnuLong("L", "n".repeat(255)), file("n", "x")),
  rejected("A36", "a name of 256 bytes", /a name of 256 bytes/, gnuLong("L", "n".repeat(256)), file("n", "x")),
  rejected("A38", "100,000 directories", /more than 2048 directories/, pax([["path", "a/".repeat(100_000)]]), directory("a")),
  rejected("A38", "a path that hides dots behind many slashes", DOTS, pax([["path", `${"./".repeat(20_000)}../x`]]), file("x")),
  rejected("A38", "depth by symlinks", /2048 directories deep|more than 40 symlinks/, ...deepLinks()),
  rejected("A40", "a file below a file", /should be its directory is a file/, file("nondir"), file("nondir/foo/bar")),
  warned(
    /replaces an earlier/,
    taken("A41", "a file twice: the last counts", ['f: file 0644 "2"'], file("f", "1"), file("f", "2")),
  ),
  taken(
    "A42",
    "a directory twice: the last mode, all children",
    ["d: directory 0700", 'd/f: file 0644 "x"'],
    directory("d"),
    file("d/f", "x"),
    directory("d", { mode: 0o700 }),
  ),
  taken(
    "A43",
    "file, directory, symlink and file of one name",
    ['n: file 0644 "last"'],
    file("n", "first"),
    directory("n"),
    file("n/below", "x"),
    symlink("n", "/etc"),
    file("n", "last"),
  ),
  taken(
    "A45",
    "a child before its directory",
    ["d: directory 0711 5:6", 'd/f: file 0644 "x"'],
    file("d/f", "x"),
    directory("d", { mode: 0o711, uid: 5, gid: 6 }),
  ),
  taken(
    "B58",
    "names of whiteouts are plain names",
    ['.wh.foo: file 0644 "x"', '.wh..wh..opq: file 0644 ""'].sort(),
    file(".wh.foo", "x"),
    file(".wh..wh..opq"),
  ),
  rejected("B59", "a device 0:0", /character device 0:0/, header({ name: "w", typeflag: "3" })),
];

function hopLines(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${linkName(n)}: symlink -> ${n + 1 < count ? linkName(n + 1) : "end"}`);
}

/** Python's CVE-2025-4517: long names whose aliases are short, and a last link that climbs further than realpath can see. */
function aliasChain(): Buffer[] {
  const parts: Buffer[] = [];
  let path = "";
  for (const [index, name] of aliases.entries()) {
    parts.push(gnuLong("L", `${path}${name}`), directory("x"), symlink(`${path}${String.fromCharCode(97 + index)}`, name));
    path += `${String.fromCharCode(97 + index)}/`;
  }
  parts.push(symlink(`${path}l`, "../".repeat(17)), symlink("escape", `${path}l/../victim`), file("escape/x", "x"));
  return parts;
}

function deepLinks(): Buffer[] {
  const way = "a/".repeat(1000);
  return [
    gnuLong("K", way),
    symlink("l", "x"),
    pax([["path", "l/m"]]),
    gnuLong("K", way),
    symlink("x", "x"),
    gnuLong("K", way),
    symlink("l/m/n", "x"),
    file("l/m/n/f"),
  ];
}

for (const { id, why, bytes, rejects, gives, warns } of CASES) {
  test(`importTar() ${rejects === undefined ? "takes" : "refuses"} ${why} (${id})`, async (t) => {
    for (const step of [65_536, 333]) {
      if (rejects !== undefined) {
        const error = await t.throwsAsync(importBytes(bytes(), step), { instanceOf: VarveError });
        t.is(error.code, "SOURCE_INVALID");
        t.regex(error.message, rejects);
        t.truthy(error.hint);
        t.not(error.path, undefined);
        continue;
      }
      const imported = await importBytes(bytes(), step);
      const lines = listing(imported);
      if (id === "A29") for (const line of gives ?? []) t.true(lines.includes(line), line);
      else t.deepEqual(lines, gives);
      if (warns !== undefined)
        t.true(
          imported.warnings.some((warning) => warns.test(warning)),
          imported.warnings.join(),
        );
    }
  });
}

test("importTar() names an entry in its message without its control characters (A34)", async (t) => {
  const error = await t.throwsAsync(importBytes(archive(file("a\n\x1b\x7f/../x"))), { instanceOf: VarveError });
  t.true(error.message.includes(String.raw`"a\n\u001b\u007f/../x"`), error.message);
});

test("importTar() takes the root's metadata from its entry (A7)", async (t) => {
  const { tree } = await importBytes(archive(directory("./", { mode: 0o1750, uid: 7, gid: 8, mtime: 9 })));
  t.like(tree.root.entry, { mode: 0o1750, uid: 7, gid: 8, mtimeSeconds: 9 });
});

test("importTar() takes paths that grow with every entry in a time that does not explode (A39)", async (t) => {
  const started = Date.now();
  const parts = Array.from({ length: 2000 }, (_, n) => [gnuLong("L", "a/".repeat(n + 1)), directory("a")]).flat();
  const { tree } = await importBytes(archive(...parts));
  t.true(Date.now() - started < 10_000);
  t.truthy(tree.root.child("a" as never));
});
