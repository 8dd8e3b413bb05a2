// Brings a fresh clone to where its scripts run: npm packages, and as root the system packages that tests and the demo use.
// Depends on nothing but Node. Says in one line what it installs and why; says nothing when all is there.
//
// node scripts/prepare-machine.mjs [--demo [--debian]]      --demo: only what the demo needs
import { spawnSync } from "node:child_process";
import { accessSync, chmodSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

const PROJECT = path.resolve(new URL("..", import.meta.url).pathname);
const SYSTEM_FOLDERS = [
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
  "/usr/lib/podman",
  "/usr/libexec/podman",
];

/** Any one of the commands will do, or the file; the package is Debian's and Ubuntu's name. */
const RUN_PACKAGES = [
  { commands: ["runc", "crun"], name: "runc", why: "starts the processes of `varve run`" },
  { commands: ["conmon"], name: "conmon", why: "keeps the processes of `varve run -d`" },
];
const TEST_PACKAGES = [
  { commands: ["netavark"], name: "netavark", why: "makes the networks of containers" },
  { commands: ["aardvark-dns"], name: "aardvark-dns", why: "answers the names of containers on a network" },
  { commands: ["iptables"], name: "iptables", why: "publishes ports for netavark" },
  { commands: ["pasta"], name: "passt", why: "ties containers of an ordinary user to the network" },
  { commands: ["slirp4netns"], name: "slirp4netns", why: "ties containers of an ordinary user to the network, in another way" },
  { commands: ["ip"], name: "iproute2", why: "lets tests look at network devices" },
  { commands: ["crun"], name: "crun", why: "is the second OCI runtime of the tests" },
  { commands: ["catatonit"], name: "catatonit", why: "is the init of containers in the tests" },
  { commands: ["fsck.erofs"], name: "erofs-utils", why: "checks layer images in the tests, apart from our own code" },
  { commands: ["mke2fs"], name: "e2fsprogs", why: "makes and checks the ext4 images of the tests" },
  { commands: ["lxc-start"], name: "lxc", why: "runs exported LXC containers in the tests" },
  { commands: ["getfattr"], name: "attr", why: "sets and reads extended attributes in the tests" },
  { commands: ["setfacl"], name: "acl", why: "sets and reads ACLs in the tests" },
  { commands: ["setcap"], name: "libcap2-bin", why: "sets file capabilities in the tests" },
  { commands: ["bzip2"], name: "bzip2", why: "makes archives for the tests" },
  { commands: ["zstd"], name: "zstd", why: "makes archives for the tests" },
  { commands: ["xz"], name: "xz-utils", why: "makes archives for the tests" },
  {
    commands: ["bsdtar"],
    name: "libarchive-tools",
    why: "makes and reads archives in the tests, apart from our own code and GNU tar",
  },
  { commands: ["pgrep"], name: "procps", why: "lets tests see that no process is left" },
  { commands: ["zsh"], name: "zsh", why: "completes command lines in the tests" },
  { commands: ["fish"], name: "fish", why: "completes command lines in the tests" },
  { commands: ["groff"], name: "groff-base", why: "sets the man pages in the tests" },
  { commands: ["newuidmap"], name: "uidmap", why: "gives ordinary users more ids than one in their containers" },
  { commands: ["docker-registry"], name: "docker-registry", why: "is the registry that tests pull from and push to" },
  { commands: ["openssl"], name: "openssl", why: "makes certificates for the tests" },
  { commands: ["podman"], name: "podman", why: "makes and loads images in the tests, apart from our own code" },
  { commands: ["skopeo"], name: "skopeo", why: "reads and copies images in the tests, apart from our own code" },
  { commands: ["dockerd"], name: "docker.io", why: "reads, runs and makes images in the tests, apart from our own code" },
  { commands: ["oci-image-tool"], name: "oci-image-tool", why: "checks images in the tests, apart from our own code" },
  {
    file: "/usr/share/gocode/src/github.com/opencontainers/image-spec/schema/config-schema.json",
    name: "golang-github-opencontainers-image-spec-dev",
    why: "has the JSON schemas that images are compared with in the tests",
  },
  { commands: ["umoci"], name: "umoci", why: "unpacks images in the tests, apart from our own code" },
  { commands: ["htpasswd"], name: "apache2-utils", why: "makes the passwords of a registry in the tests" },
  { commands: ["strace"], name: "strace", why: "lets tests look at, and break, system calls" },
];
const DEBIAN_PACKAGES = [
  { commands: ["debootstrap"], name: "debootstrap", why: "makes the Debian root of `npm run demo -- --debian`" },
];

function prepareMachine({ demo, debian }) {
  if (!npmPackagesAreInstalled()) installNpmPackages();
  if (!demo) makeOrdinaryUser();
  if (!demo) openTunnels();
  const wanted = [...RUN_PACKAGES, ...(demo ? [] : TEST_PACKAGES), ...(debian ? DEBIAN_PACKAGES : [])];
  const missing = wanted.filter((one) => !isInstalled(one));
  if (missing.length === 0) return;
  const isRoot = process.getuid?.() === 0;
  if (isRoot && findCommand("apt-get")) installSystemPackages(missing);
  else tellMissing(missing, isRoot ? "this machine has no apt-get" : "only root may install packages");
}

/** Whose containers the tests run, beside root's. It can't log in. */
const ORDINARY_USER = "varve-test";

function makeOrdinaryUser() {
  if (process.getuid?.() !== 0 || !findCommand("useradd")) return;
  const { status } = spawnSync("id", [ORDINARY_USER], { stdio: "ignore" });
  if (status === 0) return;
  say(`making the user ${ORDINARY_USER} with ids in /etc/subuid: tests run containers as an ordinary user`);
  // -F: a system user, who has no other reason to have them, gets ids, too.
  const words = ["--system", "--no-create-home", "-F", "--shell", "/usr/sbin/nologin", ORDINARY_USER];
  if (spawnSync("useradd", words, { stdio: ["ignore", 2, 2] }).status !== 0) say("going on without it");
}

const TUNNELS = "/dev/net/tun";

/** Every distribution's udev gives it this mode; a machine without udev leaves it to root alone. */
function openTunnels() {
  if (process.getuid?.() !== 0) return;
  try {
    const { mode } = statSync(TUNNELS);
    if ((mode & 0o666) === 0o666) return;
    say(`letting all users open ${TUNNELS}, as udev does: tests tie containers of an ordinary user to the network`);
    chmodSync(TUNNELS, 0o666);
  } catch (error) {
    say(`going on without ${TUNNELS}, which networks of ordinary users need: ${error.code}`);
  }
}

/** The lock file is compared with what npm wrote down when it installed last: times mislead after `git switch`. */
function npmPackagesAreInstalled() {
  const wanted = readJson("package-lock.json")?.packages ?? {};
  const installed = readJson("node_modules/.package-lock.json")?.packages;
  if (installed === undefined) return false;
  return Object.entries(wanted).every(([place, { version, optional, link }]) => {
    if (place === "" || link) return true;
    return installed[place] === undefined ? Boolean(optional) : installed[place].version === version;
  });
}

function installNpmPackages() {
  say("installing the npm packages of package-lock.json (npm ci)");
  const { status } = spawnSync("npm", ["ci", "--loglevel=error"], { cwd: PROJECT, stdio: ["ignore", 2, 2] });
  if (status !== 0) fail("`npm ci` failed: its messages above say why");
}

function installSystemPackages(packages) {
  for (const { name, why } of packages) say(`installing the system package ${name} with apt-get: it ${why}`);
  const names = packages.map(({ name }) => name);
  const first = aptGet("install", "--yes", "--no-install-recommends", ...names);
  if (first.status === 0) return;
  // A fresh container has no package lists, or old ones.
  const update = aptGet("update");
  const second = aptGet("install", "--yes", "--no-install-recommends", ...names);
  if (second.status === 0) return;
  process.stderr.write(`${update.stderr}${second.stderr}`);
  tellMissing(
    packages.filter((one) => !isInstalled(one)),
    "apt-get failed, see above",
  );
}

function aptGet(...words) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync("apt-get", ["-qq", ...words], { env, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
}

function tellMissing(packages, reason) {
  for (const { name, why } of packages) say(`going on without ${name}, which ${why}: ${reason}`);
}

function isInstalled({ commands = [], file }) {
  return commands.some(findCommand) || (file !== undefined && existsSync(file));
}

function findCommand(name) {
  const folders = [...(process.env.PATH ?? "").split(":"), ...SYSTEM_FOLDERS];
  return folders.some((folder) => {
    try {
      accessSync(path.join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function readJson(name) {
  try {
    return JSON.parse(readFileSync(path.join(PROJECT, name), "utf8"));
  } catch {
    return undefined;
  }
}

function say(text) {
  process.stderr.write(`prepare: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) fail(`Node ${process.versions.node} is too old: 20.19 or newer is needed`);
prepareMachine({ demo: process.argv.includes("--demo"), debian: process.argv.includes("--debian") });
