// docs/interchange.md tells what survives in which form. This reads its table, and makes sure of each cell by readers that are not ours.
import { execFileSync, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { inMountedImage } from "../helpers/mounted-image.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

const test = testIf("erofs", "overlay", "umoci", "skopeo", "mke2fs", "getfattr", "setfacl", "setcap").serial;

interface Property {
  /** Makes it, in an empty directory. */
  readonly make: string;
  /** What a reader sees of it. Prints the same where it survives. */
  readonly look: string;
  /** What is to be seen where it does not, by the word that a cell then has. */
  readonly lost?: Readonly<Record<string, RegExp>>;
  /** What a warning names. */
  readonly path?: string;
  /** Go counts nanoseconds by 64 bits, so that umoci takes times after 2262 for others. */
  readonly isBeyondGo?: true;
}

const MESSAGE = "a message that stands nowhere else";
const SETTING = "GREETING=from-the-config";
const XATTRS = "getfattr -hd -m - -e hex --absolute-names";
const LONG_NAMES = Array.from({ length: 20 }, (_, index) => `user.${"n".repeat(230)}${index}`);
const SOCKET = `require("node:net").createServer().listen("s", () => { fs.renameSync("s", "socket"); process.exit() })`;

const PROPERTIES: Readonly<Record<string, Property>> = {
  "mode with setuid, setgid, sticky; uid and gid": {
    make: "mkdir modes; echo > modes/f; chown 100000:4294967294 modes/f; chmod 6751 modes/f; chown 7:8 modes; chmod 1770 modes",
    look: "stat -c '%n %a %u:%g' modes modes/f",
  },
  "mtime with nanoseconds, before 1970": {
    make: "echo > then; touch -d @-5.000000007 then; echo > now; touch -d @1700000000.123456789 now",
    look: "find then now -printf '%p %T@\\n'",
  },
  "mtime after 2446": {
    make: "echo > later; touch -d @20000000000.5 later",
    look: "find later -printf '%T@\\n'",
    lost: { "becomes 2446": /^15032385535\.0+\n$/ },
    path: "/later",
    isBeyondGo: true,
  },
  "xattrs with any value, ACLs, file capabilities": {
    make: `echo > x; setfattr -n user.any -v $'0x0aff3d' x; setfattr -n trusted.t -v t x; setfacl -m u:70000:rw,g:5:r x; mkdir acl
      setfacl -d -m u:1:rwx acl; cp "$(readlink -f /bin/true)" program; setcap cap_net_raw+ep program; ln -s x link
      setfattr -h -n trusted.of-link -v x link`,
    look: `${XATTRS} x acl program link; getfacl -n x acl`,
  },
  "xattrs of 60,000 bytes": {
    make: `echo > large; setfattr -n user.large -v 0x${"ab".repeat(60_000)} large`,
    look: "getfattr -n user.large --only-values large | md5sum",
  },
  "names of xattrs beyond 4 KiB, of one file": {
    make: `echo > many; ${LONG_NAMES.map((name) => `setfattr -n ${name} -v v many`).join("; ")}`,
    look: `${XATTRS} many | grep -c user`,
    lost: { "left out": /^1\d\n$/ },
    path: "/many",
  },
  "names and symlinks of any bytes": {
    make: `mkdir names; touch names/$'\\xff\\n"'; ln -s $'\\xfe\\n' names/$'l\\x01'; touch names/"$(printf 'n%.0s' $(seq 255))"`,
    look: "find names -printf '%p %l\\0' | sort -z | md5sum",
  },
  "names that begin with `.wh.`": {
    make: "mkdir wh; echo x > wh/.wh.name",
    look: "cat wh/.wh.name",
  },
  "hard links, also of symlinks and devices": {
    make: "mkdir hard; cd hard; echo > a; ln a b; ln -s a c; ln c d; mknod e c 1 3; ln e f; mkfifo g; ln g h; cd ..",
    look: "for each in ab cd ef gh; do test hard/${each:0:1} -ef hard/${each:1}; stat -c '%h %F' hard/${each:1}; done; readlink hard/d",
  },
  "devices, FIFOs": {
    make: "mknod character c 5 1; mknod block b 259 70000; mkfifo fifo",
    look: "stat -c '%n %F %t:%T' character block fifo",
  },
  sockets: {
    make: `"$NODE" -e '${SOCKET}'`,
    look: "if test -S socket; then echo socket; else ls socket 2>&1 || true; fi",
    lost: { "left out": /No such file/ },
    path: "/socket",
  },
  holes: {
    make: "truncate -s 8M sparse; echo middle | dd of=sparse bs=1 seek=4000000 conv=notrunc status=none",
    look: `perl -e 'open F, "<", "sparse"; print sysseek(F, 0, 3), " ", sysseek(F, 5 << 20, 4), " "'; md5sum < sparse`,
    lost: { "become zeros": /^0 but true 8388608 |^0 8388608 / },
  },
};

/** What a form made of the commit, and a way to look at it. */
interface Made {
  readonly outcome: SpawnSyncReturns<string>;
  readonly see: (script: string) => string;
  /** The same by a program that is not written in Go. */
  readonly seeBeyondGo?: (script: string) => string;
  /** Whether bytes stand in it, in what is no file of the tree. */
  readonly holds: (text: string) => boolean;
}

interface Room {
  readonly t: ExecutionContext;
  /** On a tmpfs. */
  readonly home: string;
  readonly varve: (...words: string[]) => SpawnSyncReturns<string>;
}

type Form = (room: Room, revision: string) => Made;

/** By a word of the column's heading. */
const FORMS: Readonly<Record<string, readonly Form[]>> = {
  checkout: [checkedOut, mounted],
  tar: [tarred],
  OCI: [saved],
  ext4: [image("ext4")],
  EROFS: [image("erofs")],
  LXC: [contained],
};

function checkedOut(room: Room, revision: string): Made {
  const place = path.join(room.home, "checkout", revision);
  return { outcome: room.varve("checkout", revision, place), see: seeing(room.t, place), holds: holding(place) };
}

function mounted(room: Room, revision: string): Made {
  const place = path.join(room.home, "mount", revision);
  mkdirSync(place, { recursive: true });
  const outcome = room.varve("mount", revision, place);
  room.t.teardown(() => void spawnSync("umount", [place]));
  return { outcome, see: seeing(room.t, place), holds: holding(place) };
}

function tarred({ t, home, varve }: Room, revision: string): Made {
  const file = path.join(home, `${revision}.tar`);
  const place = path.join(home, "tar", revision);
  const outcome = varve("export", revision, "-o", file);
  mkdirSync(place, { recursive: true });
  if (outcome.status === 0) untar(file, place);
  return { outcome, see: seeing(t, place), holds: holding(file) };
}

function untar(file: string, place: string): void {
  const words = ["--xattrs", "--xattrs-include=*", "--acls", "--same-owner", "-xpf", file, "-C", place];
  execFileSync("tar", words, { stdio: ["ignore", "ignore", "pipe"] });
}

function saved({ t, home, varve }: Room, revision: string): Made {
  const layout = path.join(home, "layout", revision);
  mkdirSync(path.dirname(layout), { recursive: true });
  const outcome = varve("save", revision, "--format", "oci-dir", "-o", layout);
  const bundle = path.join(home, "bundle", revision);
  mkdirSync(path.dirname(bundle), { recursive: true });
  const layer = path.join(home, "layer", revision);
  mkdirSync(layer, { recursive: true });
  if (outcome.status === 0) {
    execFileSync("umoci", ["unpack", "--image", `${layout}:latest`, bundle], { stdio: "pipe" });
    untar(path.join(layout, "blobs", onlyLayer(`oci:${layout}:latest`)), layer);
  }
  return { outcome, see: seeing(t, path.join(bundle, "rootfs")), seeBeyondGo: seeing(t, layer), holds: holding(layout) };
}

function onlyLayer(reference: string): string {
  const { layers } = JSON.parse(execFileSync("skopeo", ["inspect", "--raw", reference], { encoding: "utf8" })) as {
    layers: { digest: string }[];
  };
  return layers[0]!.digest.replace(":", "/");
}

function image(format: string): Form {
  return ({ t, home, varve }, revision) => {
    const file = path.join(home, `${revision}.${format}`);
    const outcome = varve("export", revision, "--format", format, "-o", file);
    return { outcome, see: (script) => inMountedImage(t, file, script), holds: holding(file) };
  };
}

function contained({ t, home, varve }: Room, revision: string): Made {
  const place = path.join(home, "lxc", revision);
  const outcome = varve("export", revision, "--format", "lxc", "-o", place);
  return { outcome, see: seeing(t, path.join(place, "rootfs")), holds: holding(place) };
}

function seeing(t: ExecutionContext, directory: string): Made["see"] {
  return (script) => {
    const { status, stdout, stderr } = spawnSync("bash", ["-ec", script], { cwd: directory, encoding: "latin1" });
    t.is(status, 0, `${script}: ${stderr}`);
    return stdout;
  };
}

function holding(place: string): Made["holds"] {
  return (text) => existsSync(place) && spawnSync("grep", ["-rqF", "--devices=skip", text, place]).status === 0;
}

/** `all` has each property but the one that layers refuse, which `refused` has. */
function makeRoom(t: ExecutionContext): Room {
  const home = path.join(temporaryDirectory(t), "tmpfs");
  mkdirSync(home);
  execFileSync("mount", ["-t", "tmpfs", "none", home]);
  t.teardown(() => void execFileSync("umount", ["--recursive", home]));
  const env = { ...environmentWithVarve(home), NODE: process.execPath };
  const store = path.join(home, "store");
  const varve = (...words: string[]): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, [BUILT_COMMAND, "--store", store, ...words], { cwd: home, env, encoding: "utf8" });
  for (const revision of ["all", "refused"]) {
    const source = sourceOf({ home }, revision);
    mkdirSync(source, { recursive: true });
    const script = propertiesOf(revision).map(([, { make }]) => make);
    execFileSync("bash", ["-ec", script.join("\n")], { cwd: source, env, stdio: ["ignore", "ignore", "pipe"] });
    const { status, stderr } = varve("import", source, "-b", revision, "-m", MESSAGE, "--change", `ENV ${SETTING}`);
    t.is(status, 0, stderr);
  }
  return { t, home, varve };
}

function sourceOf({ home }: Pick<Room, "home">, revision: string): string {
  return path.join(home, "source", revision);
}

function propertiesOf(revision: string): readonly (readonly [name: string, property: Property])[] {
  return Object.entries(PROPERTIES).filter(([name]) => name.includes(".wh.") === (revision === "refused"));
}

/** Cells by property and heading. */
function readTable(): { readonly headings: readonly string[]; readonly rows: ReadonlyMap<string, readonly string[]> } {
  const lines = readFileSync("docs/interchange.md", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1));
  const [[, ...headings] = [], , ...rows] = lines.map((cells) => cells.map((cell) => cell.trim()));
  return { headings, rows: new Map(rows.map(([property = "", ...cells]) => [property, cells])) };
}

const { headings, rows } = readTable();

testIf()("the table of docs/interchange.md has a row for each property that is tested, and a column for each form", (t) => {
  const others = ["history: message, author, time, command", "image config"];
  t.deepEqual([...rows.keys()], [...Object.keys(PROPERTIES), ...others]);
  t.deepEqual(
    headings.map((heading) => Object.keys(FORMS).filter((word) => heading.includes(word)).length),
    headings.map(() => 1),
  );
  t.is(headings.length, Object.keys(FORMS).length);
});

for (const [column, heading] of headings.entries()) {
  const forms = Object.entries(FORMS).find(([word]) => heading.includes(word))?.[1] ?? [];
  for (const form of forms) {
    test(`what docs/interchange.md says of ${heading} is so${forms.length > 1 ? ` (${form.name})` : ""}`, (t) => {
      const room = makeRoom(t);
      for (const revision of ["all", "refused"]) {
        const made = form(room, revision);
        for (const [name, property] of propertiesOf(revision)) {
          const cell = rows.get(name)?.[column] ?? "";
          t.is(wordOf(cell), found(room, revision, made, property), `${name}: ${made.outcome.stderr}`);
          t.is(cell.includes("told"), made.outcome.stderr.includes(property.path ?? "\0"), `${name}: ${made.outcome.stderr}`);
        }
        if (revision === "refused") continue;
        t.is(wordOf(rows.get("history: message, author, time, command")?.[column] ?? ""), made.holds(MESSAGE) ? "yes" : "–");
        t.is(wordOf(rows.get("image config")?.[column] ?? ""), made.holds(SETTING) ? "yes" : "–");
      }
    });
  }
}

/** What comes before a comma. */
function wordOf(cell: string): string {
  return cell.split(",")[0]!;
}

function found({ t, ...room }: Room, revision: string, made: Made, { look, lost = {}, isBeyondGo }: Property): string {
  if (made.outcome.status !== 0) return "refused";
  const see = isBeyondGo === true && made.seeBeyondGo !== undefined ? made.seeBeyondGo : made.see;
  const [before, after] = [seeing(t, sourceOf(room, revision))(look), see(look)];
  if (before === after) return "yes";
  return Object.entries(lost).find(([, what]) => what.test(after))?.[0] ?? `${after}, not ${before}`;
}
