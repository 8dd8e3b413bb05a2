import { execFileSync, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { BUILT_COMMAND, environmentWithVarve } from "../cli/built-command.js";
import { temporaryDirectory } from "./temporary-directory.js";

/** The runtime is started without this process's environment. */
function addRuntimeLibraries(root: string): void {
  const find =
    'for each in runc crun; do ldd "$(command -v $each)"; done 2>/dev/null | sed -n "s/.* => \\(\\/[^ ]*\\) .*/\\1/p" | sort -u';
  const libraries = execFileSync("sh", ["-c", find], { encoding: "utf8" }).split("\n").filter(Boolean);
  execFileSync("cp", ["-Ln", ...libraries, path.join(root, "usr/lib/x86_64-linux-gnu")]);
}

/** A small root that takes the place of this machine's own, for processes in a mount namespace of their own: what they do to `/` is done to it. */
export interface ThrowAwayMachine {
  /** Its root, as this process sees it. */
  readonly root: string;
  /** Runs the built command there, on the store /var/lib/store. */
  run(...words: string[]): SpawnSyncReturns<string>;
  /** The same of any program of this machine's. Below /host stands this machine's root, read-only. */
  call(program: string, ...words: string[]): SpawnSyncReturns<string>;
  /** How the built command is called there. */
  readonly command: readonly [string, ...string[]];
  /** Another one, of which the root is a copy that stands already. */
  at(root: string): ThrowAwayMachine;
  /** What is there, of every path but the store and the times of directories that hold what this file made. */
  witness(): string;
}

const LIBRARIES = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/lib", "/usr/lib"];
const PROGRAMS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** All mounts are private, and gone with the last process. $1: the root, $2: the project. */
const ENTER = `set -e
mount --bind "$1" "$1"; cd "$1"; project=$2; shift 2
mount --bind -o ro / host
[ "$(stat -c %d host"$project" 2>/dev/null)" = "$(stat -c %d "$project")" ] && [ -e "host$project/dist" ] || mount --bind "$project" "host$project"
mount --rbind /proc proc; mount --rbind /sys sys; mount --rbind /dev dev; mount -t tmpfs none run
pivot_root . mnt
export LD_LIBRARY_PATH=${LIBRARIES.map((folder) => `/host${folder}`).join(":")} PATH=${PROGRAMS.map((folder) => `/host${folder}`).join(":")}:/bin
cd /; umount -l /mnt
exec "$@"`;

/** Of every path: type, mode, owner, time, links, xattrs, content. */
const WITNESS = `find . \\( -path ./var/lib/store -o -path ./tmp/hidden \\) -prune -o ! -path . ! -path ./var/lib ! -path ./tmp -printf '%p %y %m %U %G %s %T@ %n %l\\n' | sed -E 's/^(\\S+ d \\S+ \\S+ \\S+) \\S+ (\\S+) \\S+/\\1 \\2/' | sort
find . -path ./var/lib/store -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
find . -path ./var/lib/store -prune -o -print0 | sort -z | xargs -0 getfattr -h -d -m - --absolute-names 2>/dev/null | grep -v '^$' || true`;

export function throwAwayMachine(t: ExecutionContext): ThrowAwayMachine {
  const home = temporaryDirectory(t);
  const root = path.join(home, "machine");
  const env = environmentWithVarve(home);
  execFileSync("make-small-root", [root], { cwd: home, env });
  for (const place of ["host", "proc", "sys", "dev", "run", "mnt", "tmp", "var/lib/store", "home"])
    mkdirSync(path.join(root, place), { recursive: true });
  addRuntimeLibraries(root);
  return machineAt(root, env);
}

function machineAt(root: string, env: NodeJS.ProcessEnv): ThrowAwayMachine {
  const project = path.dirname(path.dirname(BUILT_COMMAND));
  const call = (program: string, ...words: string[]): SpawnSyncReturns<string> => {
    const enter = ["-m", "--propagation", "private", "sh", "-c", ENTER, "enter", root, project, program, ...words];
    const inside = { ...env, HOME: "/home", VARVE_STORE: "/var/lib/store" };
    return spawnSync("unshare", enter, { env: inside, input: "", encoding: "utf8", timeout: 120_000 });
  };
  const command = [`/host${process.execPath}`, `/host${BUILT_COMMAND}`] as const;
  return {
    root,
    command,
    call,
    run: (...words) => call(...command, ...words),
    at: (copy) => machineAt(copy, env),
    witness: () => execFileSync("sh", ["-c", WITNESS], { cwd: root, env, encoding: "utf8" }),
  };
}
