import test from "ava";
import { packageChanges } from "../../../core/packages/package-changes.js";
import { compareTrees } from "../../../core/trees/compare-trees.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";

type Files = Readonly<Record<string, string>>;

function entriesOf(files: Files): DescribedEntry[] {
  const entries = new Map<string, DescribedEntry>([["", { path: "", type: "directory" }]]);
  for (const [path, content] of Object.entries(files)) {
    const names = path.split("/");
    for (let depth = 1; depth < names.length; depth += 1) {
      const above = names.slice(0, depth).join("/");
      entries.set(above, { path: above, type: "directory" });
    }
    entries.set(path, { path, type: "file", content });
  }
  return [...entries.values()];
}

const dpkg = (...stanzas: readonly string[]): string =>
  stanzas
    .map((stanza) => {
      const [name = "", version = "", architecture = "amd64", status = "install ok installed"] = stanza.split("|");
      return `Package: ${name}\nStatus: ${status}\nArchitecture: ${architecture}\nVersion: ${version}\nDescription: text\n more: text\n Version: no\n`;
    })
    .join("\n");
const apk = (...lines: readonly string[]): string =>
  lines.map((line) => `C:Q1abc=\nP:${line.split(" ")[0] ?? ""}\nV:${line.split(" ")[1] ?? ""}\nF:usr\nR:V\n\n`).join("");
const npm = (name: string, version: unknown): string => JSON.stringify({ name, version, scripts: {} });
const pip = (name: string, version: string): string =>
  `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n\nVersion: 9\n`;

const STATUS = "var/lib/dpkg/status";
const APK = "lib/apk/db/installed";

const rows: readonly (readonly [why: string, before: Files, after: Files, wants: readonly string[]])[] = [
  [
    "dpkg's packages",
    { [STATUS]: dpkg("curl|8.5", "jq|1.6", "vim|9", "gone|1||deinstall ok config-files") },
    { [STATUS]: dpkg("curl|8.6", "nano|7", "vim|9", "jq|1.6||deinstall ok config-files") },
    ["dpkg curl 8.5 8.6", "dpkg jq 1.6 -", "dpkg nano - 7"],
  ],
  [
    "dpkg's packages of two architectures",
    { [STATUS]: dpkg("libc6|2.36|amd64", "libc6|2.36|i386") },
    { [STATUS]: dpkg("libc6|2.37|amd64", "libc6|2.37|i386") },
    ["dpkg libc6 2.36 2.37", "dpkg libc6:i386 2.36 2.37"],
  ],
  [
    "distroless images' packages",
    { "var/lib/dpkg/status.d/base": "Package: base-files\nVersion: 12\n", "var/lib/dpkg/status.d/base.md5sums": "Package: x" },
    {
      "var/lib/dpkg/status.d/base": "Package: base-files\nVersion: 13\n",
      "var/lib/dpkg/status.d/tz": "Package: tzdata\nVersion: 2024a",
    },
    ["dpkg base-files 12 13", "dpkg tzdata - 2024a"],
  ],
  [
    "apk's packages",
    { [APK]: apk("musl 1.2.4-r0", "zlib 1.3") },
    { [APK]: apk("musl 1.2.5-r0", "zlib 1.3") },
    ["apk musl 1.2.4-r0 1.2.5-r0"],
  ],
  [
    "a database that moved with Alpine's /usr merge",
    { [APK]: apk("musl 1") },
    { "usr/lib/apk/db/installed": apk("musl 1", "new 2") },
    ["apk new - 2"],
  ],
  [
    "npm's packages, each where it stands",
    {
      "app/node_modules/a/package.json": npm("a", "1.0.0"),
      "app/node_modules/@s/b/package.json": npm("@s/b", "1.0.0"),
      "app/node_modules/a/node_modules/c/package.json": npm("c", "3.0.0"),
      "app/node_modules/a/lib/package.json": npm("part", "1.0.0"),
    },
    {
      "app/node_modules/a/package.json": npm("a", "1.1.0"),
      "app/node_modules/@s/b/package.json": npm("@s/b", "2.0.0"),
      "app/node_modules/c/package.json": npm("c", "3.0.0"),
      "app/node_modules/a/lib/package.json": npm("part", "2.0.0"),
      "app/package.json": npm("app", "9.0.0"),
    },
    [
      "npm @s/b 1.0.0 2.0.0 app/node_modules/@s/b",
      "npm a 1.0.0 1.1.0 app/node_modules/a",
      "npm c 3.0.0 - app/node_modules/a/node_modules/c",
      "npm c - 3.0.0 app/node_modules/c",
    ],
  ],
  [
    "pip's packages, whose directories have the version in their names",
    {
      "usr/lib/python3/site-packages/Foo_Bar-1.0.dist-info/METADATA": pip("Foo_Bar", "1.0"),
      "v/x.egg-info/PKG-INFO": pip("x", "1"),
    },
    {
      "usr/lib/python3/site-packages/foo_bar-1.1.dist-info/METADATA": pip("foo-bar", "1.1"),
      "v/x.egg-info/PKG-INFO": pip("x", "2"),
    },
    ["pip foo-bar 1.0 1.1 usr/lib/python3/site-packages", "pip x 1 2 v"],
  ],
  [
    "nothing in what can't be read",
    { [STATUS]: "", "n/node_modules/a/package.json": "{", "n/node_modules/b/package.json": "[]" },
    {
      [STATUS]: `Package:\nVersion: 1\n\nPackage: ${"x".repeat(1000)}\nVersion: 1\n\nVersion: 2\n:\n\0\n`,
      "n/node_modules/a/package.json": npm("a", 7),
      "n/node_modules/b/package.json": "null",
    },
    [],
  ],
];

for (const [why, before, after, wants] of rows) {
  test(`packageChanges() tells of ${why}`, async (t) => {
    const changes = await compareTrees(memoryTree(entriesOf(before)), memoryTree(entriesOf(after)));
    const { packages, warnings } = await packageChanges(changes);
    const lines = packages.map(({ manager, name, before: old = "-", after: now = "-", place }) =>
      [manager, name, old, now, place].join(" ").trimEnd(),
    );
    t.deepEqual(lines, wants);
    t.deepEqual(warnings, []);
  });
}

test("packageChanges() warns of an rpm database, and of a file that is too large", async (t) => {
  const before = entriesOf({ "usr/lib/sysimage/rpm/rpmdb.sqlite": "a", "m/node_modules/a/package.json": "{}" });
  const after = entriesOf({ "usr/lib/sysimage/rpm/rpmdb.sqlite": "b", "m/node_modules/a/package.json": " ".repeat(2_000_000) });
  const { packages, warnings } = await packageChanges(await compareTrees(memoryTree(before), memoryTree(after)));
  t.deepEqual(packages, []);
  t.is(warnings.length, 2);
  t.regex(warnings.join("\n"), /rpm database \/usr\/lib\/sysimage.*varve can't read/);
  t.regex(warnings.join("\n"), /\/m\/node_modules\/a\/package\.json has more than 1048576 bytes/);
});
