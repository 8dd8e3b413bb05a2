// Makes root filesystems to play with: a small one of this machine's own programs, or Debian's smallest by debootstrap.
import { spawnSync } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";

const PROGRAMS =
  "sh cat chmod chown cp date echo head hostname id ln ls mkdir mv rm sleep sort stat tail touch true uname wc".split(" ");
const FOLDERS = [
  "etc",
  "proc",
  "sys",
  "dev",
  "tmp",
  "run",
  "root",
  "usr/bin",
  "usr/sbin",
  "usr/lib",
  "usr/lib64",
  "usr/local/bin",
  "srv/www",
  "var/log",
];
/** Where Debian, Fedora and others keep them since the merge of /usr. */
const LINKS = { bin: "usr/bin", sbin: "usr/sbin", lib: "usr/lib", lib64: "usr/lib64" };
const SEARCHED = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/** The process of the story: it adds, changes, deletes and chmods files, and counts how often it ran on this root. */
const RELEASE = `#!/bin/sh
# Puts the next release of a little site into place.
set -e
last=0
[ ! -f /srv/release ] || read -r last < /srv/release
next=$((last + 1))
echo "$next" > /srv/release                                  # added, later changed
echo "<h1>Release $next</h1>" > /srv/www/index.html          # changed
echo "release $next put into place" >> /var/log/releases     # added, later appended to
mkdir -p "/srv/old/$last" && echo "$last" > "/srv/old/$last/number"
rm -f /srv/www/draft.html                                    # deleted
chmod 750 /srv/www                                           # mode alone
echo "release $next is in place"
`;

/** @returns {{ programs: number, libraries: number }} */
export function makeSmallRoot(root) {
  for (const folder of FOLDERS) mkdirSync(path.join(root, folder), { recursive: true });
  for (const [name, target] of Object.entries(LINKS)) symlinkSync(target, path.join(root, name));
  chmodSync(path.join(root, "tmp"), 0o1777);
  const programs = PROGRAMS.map((name) => ({ name, file: findProgram(name) })).filter(({ file }) => file !== undefined);
  const libraries = new Set(programs.flatMap(({ file }) => librariesOf(file)));
  for (const { name, file } of programs) copyProgram(file, path.join(root, "usr/bin", name));
  for (const library of libraries) copyProgram(library, path.join(root, library));
  writeFiles(root, {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
  });
  if (existsSync("/etc/os-release")) copyFileSync("/etc/os-release", path.join(root, "etc/os-release"));
  return { programs: programs.length, libraries: libraries.size };
}

/** What the story's process works on. */
export function addSite(root) {
  mkdirSync(path.join(root, "srv/www"), { recursive: true });
  mkdirSync(path.join(root, "usr/local/bin"), { recursive: true });
  writeFiles(root, {
    "usr/local/bin/release": RELEASE,
    "srv/www/index.html": "<h1>Under construction</h1>\n",
    "srv/www/draft.html": "<h1>Draft</h1>\n",
  });
  chmodSync(path.join(root, "usr/local/bin/release"), 0o755);
  chmodSync(path.join(root, "srv/www"), 0o755);
}

/** The line that makes a minimal Debian (or Ubuntu) root from the mirror that this machine's own apt uses. */
export function debootstrapLine(root) {
  const { suite, mirror } = aptMirror();
  return `debootstrap --variant=minbase ${suite} ${root} ${mirror}`;
}

/** Settings by which debootstrap reaches the network as apt does. */
export function debootstrapEnvironment() {
  const { stdout } = spawnSync("apt-config", ["dump", "--format", "%v%n", "Acquire::http::Proxy"], { encoding: "utf8" });
  const proxy = stdout?.trim();
  return proxy && proxy !== "DIRECT" ? { http_proxy: proxy } : {};
}

function aptMirror() {
  const codename = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1]?.replaceAll('"', "");
  const source = aptSources().find(({ suites, components }) => suites.includes(codename) && components.includes("main"));
  if (source === undefined)
    throw new Error(`/etc/apt names no mirror of ${codename ?? "this system"}, from which debootstrap could take it`);
  return { suite: codename, mirror: source.uri };
}

/** Both forms of sources: one line each, and paragraphs of fields. */
function aptSources() {
  const folder = "/etc/apt/sources.list.d";
  const files = [
    "/etc/apt/sources.list",
    ...(existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : []),
  ];
  return files.filter((file) => existsSync(file)).flatMap((file) => parseSources(readFileSync(file, "utf8")));
}

function parseSources(text) {
  const lines = [...text.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)$/gm)];
  const fields = (paragraph, name) => new RegExp(`^${name}:\\s*(.*)$`, "mi").exec(paragraph)?.[1]?.split(/\s+/) ?? [];
  const paragraphs = text.split(/\n\s*\n/).filter((paragraph) => fields(paragraph, "Types").includes("deb"));
  return [
    ...lines.map(([, uri, suite, components]) => ({ uri, suites: [suite], components: components.split(/\s+/) })),
    ...paragraphs.flatMap((paragraph) =>
      fields(paragraph, "URIs").map((uri) => ({
        uri,
        suites: fields(paragraph, "Suites"),
        components: fields(paragraph, "Components"),
      })),
    ),
  ];
}

function findProgram(name) {
  return SEARCHED.map((folder) => path.join(folder, name)).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Absolute paths out of `ldd`, the loader's included. A static program has none. */
function librariesOf(file) {
  const { stdout } = spawnSync("ldd", [file], { encoding: "utf8" });
  return [...(stdout ?? "").matchAll(/(?:^|\s)(\/[^\s(]+) \(0x/g)].map(([, library]) => library);
}

function copyProgram(from, to) {
  mkdirSync(path.dirname(to), { recursive: true });
  copyFileSync(realpathSync(from), to);
  chmodSync(to, 0o755);
}

function writeFiles(root, files) {
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(root, name), text);
}
