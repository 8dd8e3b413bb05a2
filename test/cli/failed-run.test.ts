import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

/** What docker gives to root in a container. */
const DOCKERS = "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot,mknod,setfcap";
/** In a mount namespace of its own, no program of these names is one any more. */
const WITHOUT_RUNTIMES = `
  for folder in $(echo "$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" | tr : ' '); do
    for name in runc crun youki; do if [ -e "$folder/$name" ]; then mount --bind /dev/null "$folder/$name"; fi; done
  done
  exec "$0" "$@"`;

interface Machine {
  readonly what: string;
  readonly requires: readonly string[];
  /** Put before the command. */
  readonly within: readonly string[];
  readonly code: string;
  readonly says: RegExp;
  readonly hint: RegExp;
}

/** The kernel says ENODEV from the nth time on that a filesystem is asked for: a layer's EROFS first, then the overlay. */
function withoutFilesystem(nth: number): readonly string[] {
  return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsopen", "-e", `inject=fsopen:error=ENODEV:when=${nth}+`];
}

const machines: readonly Machine[] = [
  {
    what: "root in a container without CAP_SYS_ADMIN",
    requires: ["root", "setpriv"],
    within: ["setpriv", `--bounding-set=-all,+${DOCKERS.replaceAll(",", ",+")}`],
    code: "MOUNT_UNAVAILABLE",
    says: /unshare says EPERM/,
    hint: /CAP_SYS_ADMIN/,
  },
  {
    what: "a machine without an OCI runtime",
    requires: ["mounts"],
    within: ["unshare", "--mount", "sh", "-ec", WITHOUT_RUNTIMES],
    code: "RUNTIME_MISSING",
    says: /neither crun nor runc/,
    hint: /apt-get install runc/,
  },
  {
    what: "a kernel without EROFS",
    requires: ["oci-runtime", "strace"],
    within: withoutFilesystem(1),
    code: "MOUNT_UNAVAILABLE",
    says: /layer image: fsopen says ENODEV/,
    hint: /no EROFS.*modprobe erofs/,
  },
  {
    what: "a kernel without overlayfs",
    requires: ["erofs", "oci-runtime", "strace"],
    within: withoutFilesystem(2),
    code: "MOUNT_UNAVAILABLE",
    says: /container's root: fsopen says ENODEV/,
    hint: /no overlay.*modprobe overlay/,
  },
];

for (const { what, requires, within, code, says, hint } of machines) {
  testIf(...requires)(`varve run by ${what} fails with ${code}, and nothing of it stays`, (t) => {
    const home = temporaryDirectory(t);
    const environment = { ...environmentWithVarve(home), VARVE_STORE: path.join(home, "store") };
    mkdirSync(path.join(home, "small"));
    writeFileSync(path.join(home, "small/file"), "x");
    const call = (before: readonly string[], ...words: readonly string[]): ReturnType<typeof spawnSync> & { stdout: string } => {
      const [program = "", ...rest] = [...before, process.execPath, BUILT_COMMAND, ...words];
      return spawnSync(program, rest, { cwd: home, env: environment, encoding: "utf8" });
    };
    const varve = (...words: readonly string[]): string => {
      const { status, stdout, stderr } = call([], ...words);
      t.is(status, 0, `${words.join(" ")}: ${stdout}${String(stderr)}`);
      return stdout;
    };
    varve("import", "small", "-b", "base");
    varve("tag", "v1", "base");
    const before = varve("branch", "--json");

    for (const options of [["--name", "web"], ["-b", "new"], ["--rm"]]) {
      const { status, stdout, stderr } = call(within, "run", "--json", ...options, "base", "--", "true");
      t.is(status, 125, `${stdout}${String(stderr)}`);
      const { error } = JSON.parse(stdout) as { error: { code: string; message: string; hint: string } };
      t.is(error.code, code);
      t.regex(error.message, says);
      t.regex(error.hint, hint);
      t.is(stderr, "");
    }
    t.deepEqual(JSON.parse(varve("ps", "-a", "--json")), []);
    t.is(varve("branch", "--json"), before);
    t.deepEqual(
      readdirSync(path.join(home, "store/containers")).filter((name) => /^([0-9a-f]{12}|new-.*)$/.test(name)),
      [],
    );
    t.false(readFileSync("/proc/self/mountinfo", "utf8").includes(home));
    // The failed ones are no operations: what was done before them is the next to be undone.
    t.like(JSON.parse(varve("undo", "--json")), { undone: { command: "tag v1 base" } });
  });
}
