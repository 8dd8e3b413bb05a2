import { execFileSync, type SpawnSyncReturns } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { throwAwayMachine, type ThrowAwayMachine } from "../helpers/throw-away-machine.js";

const test = testIf("oci-runtime", "erofs", "overlay", "getfattr");

/** What stands there before: one of each that is changed. */
const PREPARE = `mkdir -p opt/old/deep opt/turns srv/links; echo 1 > opt/old/deep/one; echo 2 > opt/old/two; chmod 640 opt/old/two; chown 7:8 opt/old/two
  echo t > opt/turns/t; ln -s one opt/old/deep/link; echo twin > srv/links/a; ln srv/links/a srv/links/b; mkfifo opt/pipe; setfattr -n user.kept -v yes opt/old/two
  echo text > etc/turned; printf 'x\\n' > "etc/odd \\\\ name"; touch -d @1000000000.123456789 opt/old/two opt/old/deep etc/turned`;

/** With programs of the small root alone. */
const CHANGE = `echo more >> /etc/passwd; rm -r /opt/old; mkdir /opt/old; echo anew > /opt/old/three; rm /etc/turned; mkdir /etc/turned; echo in > /etc/turned/in
  rm -r /opt/turns; ln -s /etc /opt/turns; cat /srv/links/a > /srv/links/n; echo both >> /srv/links/n; mv /srv/links/n /srv/links/a; ln /srv/links/a /srv/links/c; chmod 4711 /usr/bin/wc; chown 3:4 /usr/bin/sort; rm /opt/pipe
  mkdir -p /var/new/a; echo x > /var/new/a/f; ln /var/new/a/f /var/new/g; mv "/etc/odd \\\\ name" /etc/even; touch -d @5 /var/new/g`;

function prepared(t: ExecutionContext): ThrowAwayMachine {
  const machine = throwAwayMachine(t);
  execFileSync("sh", ["-ec", PREPARE], { cwd: machine.root });
  return machine;
}

function succeeds(t: ExecutionContext, result: SpawnSyncReturns<string>): SpawnSyncReturns<string> {
  t.is(result.status, 0, result.stderr);
  return result;
}

/** Without times, which differ between two runs, but of what the command sets. */
function timeless(witness: string): string {
  return witness.replace(/ 1[0-9]{9}\.[0-9]+ /g, " ");
}

function nothingLeft(t: ExecutionContext, { root }: ThrowAwayMachine): void {
  t.is(execFileSync("find", [root, "-name", ".varve-new-*"], { encoding: "utf8" }), "");
  t.deepEqual(readdirSync(path.join(root, "var/lib/store/scratch")), []);
  t.false(readFileSync("/proc/self/mountinfo", "utf8").includes(root), "its mounts are gone");
}

test("try --apply does to the machine what the command itself would have done, undo takes it back byte for byte, redo does it again", (t) => {
  const machine = prepared(t);
  const direct = `${machine.root}-direct`;
  execFileSync("cp", ["-a", machine.root, direct]);
  const before = machine.witness();
  const { stderr } = succeeds(t, machine.run("try", "--apply", "--", "sh", "-c", CHANGE));
  t.regex(stderr, /Applied \d+ changes\. What stood there before is kept as [0-9a-f]+\.\nTake it back: varve undo/);
  const after = machine.witness();
  succeeds(t, machine.at(direct).call("chroot", "/", "/bin/sh", "-c", CHANGE));
  t.is(timeless(after), timeless(machine.at(direct).witness()));
  t.regex(machine.run("op", "log").stdout, /paths of this machine's root [0-9a-f]+ → [0-9a-f]+/);
  succeeds(t, machine.run("undo"));
  t.is(machine.witness(), before);
  succeeds(t, machine.run("redo"));
  t.is(machine.witness(), after);
  succeeds(t, machine.run("op", "restore", "root"));
  t.is(machine.witness(), before);
  nothingLeft(t, machine);
});

test("try --apply leaves alone what is no part of the root, and tells it", (t) => {
  const machine = prepared(t);
  const script =
    "echo a > /run/a; echo b > /host/b; echo c > /var/lib/store/c; rm -rf /var/lib/store/git; mkdir -p /opt/d; chmod 700 /; mv /srv /srv2; rm -r /var/lib/store/layers";
  const before = machine.witness();
  const { stderr } = succeeds(t, machine.run("try", "--apply", "--", "sh", "-c", script));
  t.regex(stderr, /Left alone: \/run\/a is below \/run, which is of the running system/);
  t.regex(stderr, /Left alone: \/host\/b is below \/host, which is where another filesystem is mounted/);
  t.regex(stderr, /Left alone: \d+ changes in \/var\/lib\/store, which is the store/);
  t.regex(stderr, /Left alone: \/ is the root directory itself/);
  t.true(existsSync(path.join(machine.root, "opt/d")));
  t.true(existsSync(path.join(machine.root, "srv2/www/index.html")));
  for (const gone of ["run/a", "host/b", "var/lib/store/c", "srv"]) t.false(existsSync(path.join(machine.root, gone)), gone);
  succeeds(t, machine.run("fsck"));
  const only = succeeds(t, machine.run("--json", "try", "--apply", "--", "sh", "-c", "echo a > /run/a")).stdout;
  const { applied } = JSON.parse(only) as { applied: { changes: number; skipped: unknown[] } };
  t.is(applied.changes, 0);
  t.deepEqual(applied.skipped, [{ path: "/run/a", reason: "is below /run, which is of the running system, not of its root" }]);
  succeeds(t, machine.run("undo"));
  t.is(machine.witness(), before);
  nothingLeft(t, machine);
});

test("try --apply --pick applies these changes alone", (t) => {
  const machine = prepared(t);
  const before = machine.witness();
  succeeds(
    t,
    machine.run(
      "try",
      "--apply",
      "--pick",
      "srv/links/c",
      "--pick",
      "opt/old",
      "--",
      "sh",
      "-c",
      `${CHANGE}; chmod 700 /srv/links`,
    ),
  );
  t.is(readFileSync(path.join(machine.root, "opt/old/three"), "utf8"), "anew\n");
  t.false(existsSync(path.join(machine.root, "opt/old/two")));
  t.is(readFileSync(path.join(machine.root, "srv/links/c"), "utf8"), "twin\nboth\n");
  t.is(readFileSync(path.join(machine.root, "srv/links/a"), "utf8"), "twin\n");
  t.regex(machine.witness(), /^\.\/srv\/links d 755 /m, "the directory itself was not picked");
  t.true(existsSync(path.join(machine.root, "opt/turns/t")));
  succeeds(t, machine.run("undo"));
  t.is(machine.witness(), before);
  nothingLeft(t, machine);
});

test("try --apply refuses what somebody changed on the machine since the command began, and nothing else", (t) => {
  const machine = prepared(t);
  const during = (change: string, words = "--apply"): SpawnSyncReturns<string> => {
    const tried = "echo mine > /etc/group; echo mine > /etc/mine; rm -r /opt/old; chmod 700 /srv/links; echo waiting; sleep 2";
    const script = `${machine.command.join(" ")} try ${words} -- /bin/sh -c '${tried}' > /out & tried=$!
      until grep -q waiting /out; do sleep 0.1; done; ${change}; wait $tried; status=$?; rm /out; exit $status`;
    return machine.call("sh", "-c", script);
  };
  const refused = (change: string, pattern: RegExp): void => {
    const { status, stderr } = during(change);
    t.is(status, 125, change);
    t.regex(stderr, pattern);
    t.is(readFileSync(path.join(machine.root, "opt/old/two"), "utf8"), "2\n");
  };
  refused("echo other >> /etc/group", /"\/etc\/group" changed on it since the command began/);
  refused("chmod 600 /etc/group", /"\/etc\/group" changed/);
  refused("rm /etc/group", /"\/etc\/group" changed/);
  refused("echo other > /etc/mine", /"\/etc\/mine" changed/);
  execFileSync("rm", [path.join(machine.root, "etc/mine")]);
  refused("echo new > /opt/old/new", /"\/opt\/old\/new" changed/);
  refused("rm /opt/old/new; chmod 750 /srv/links; sleep 0.1; echo > /opt/else", /"\/srv\/links" changed/);
  succeeds(t, machine.call("sh", "-c", "echo as it was > /etc/group"));
  succeeds(t, during("echo > /etc/unrelated; echo > /srv/links/unrelated"));
  t.is(readFileSync(path.join(machine.root, "etc/group"), "utf8"), "mine\n");
  t.false(existsSync(path.join(machine.root, "opt/old")));
  t.true(existsSync(path.join(machine.root, "etc/unrelated")));
  nothingLeft(t, machine);
});

test("undo of an applied try saves what was changed since, and leaves alone what others put beside", (t) => {
  const machine = prepared(t);
  const { root } = machine;
  const before = machine.witness();
  succeeds(t, machine.run("try", "--apply", "--", "sh", "-c", CHANGE));
  writeFileSync(path.join(root, "opt/old/three"), "edited\n");
  writeFileSync(path.join(root, "var/new/others"), "others'\n");
  succeeds(t, machine.run("undo"));
  t.is(readFileSync(path.join(root, "var/new/others"), "utf8"), "others'\n");
  t.false(existsSync(path.join(root, "var/new/a")));
  t.is(readFileSync(path.join(root, "opt/old/two"), "utf8"), "2\n");
  succeeds(t, machine.run("undo", "@"));
  t.is(readFileSync(path.join(root, "opt/old/three"), "utf8"), "edited\n", "undo of the undo");
  succeeds(t, machine.run("undo"));
  execFileSync("rm", ["-r", path.join(root, "var/new")]);
  t.is(machine.witness().replace(/^\.\/var d .*\n/m, ""), before.replace(/^\.\/var d .*\n/m, ""));
  nothingLeft(t, machine);
});

test("a file with several names that is written to parts from them, which the diff tells and undo takes back", (t) => {
  const machine = prepared(t);
  const before = machine.witness();
  const { stdout } = succeeds(t, machine.run("try", "--apply", "--", "sh", "-c", "echo more >> /srv/links/a"));
  t.regex(stdout, /^M {2}\/srv\/links\/a {2}content mtime link\nM {2}\/srv\/links\/b {2}link$/m);
  t.is(readFileSync(path.join(machine.root, "srv/links/b"), "utf8"), "twin\n");
  succeeds(t, machine.run("undo"));
  t.is(machine.witness(), before);
});

test("undo of an applied try follows no symlink that a directory was replaced by", (t) => {
  const machine = prepared(t);
  const { root } = machine;
  succeeds(t, machine.run("try", "--apply", "--", "sh", "-c", "echo new > /opt/old/two; echo > /opt/old/deep/more"));
  renameSync(path.join(root, "opt/old/deep"), path.join(root, "srv/deep"));
  symlinkSync("/srv/deep", path.join(root, "opt/old/deep"));
  const moved = machine.witness();
  const { status, stderr } = machine.run("undo");
  t.not(status, 0);
  t.regex(stderr, /of "\/opt\/old\/deep" on this machine, it is no directory any more/);
  t.is(machine.witness(), moved);
  mkdirSync(path.join(root, "elsewhere"));
  execFileSync("sh", ["-c", "rm opt/old/deep; mv srv/deep opt/old/deep"], { cwd: root });
  succeeds(t, machine.run("undo"));
  t.is(readFileSync(path.join(root, "opt/old/two"), "utf8"), "2\n");
  t.false(existsSync(path.join(root, "opt/old/deep/more")));
  succeeds(t, machine.run("redo"));
  execFileSync("sh", ["-c", "rm opt/old/two; mkdir opt/old/two; echo theirs > opt/old/two/theirs"], { cwd: root });
  const replaced = machine.run("undo");
  t.not(replaced.status, 0);
  t.regex(replaced.stderr, /of "\/opt\/old\/two" on this machine, it is a directory now, with other files in it/);
  t.is(readFileSync(path.join(root, "opt/old/two/theirs"), "utf8"), "theirs\n");
});

testIf(
  "oci-runtime",
  "erofs",
  "overlay",
  "getfattr",
  "strace",
)("what applies a try again, or takes it back, is finished by the next command when it was killed at any move", (t) => {
  const machine = prepared(t);
  const before = machine.witness();
  succeeds(t, machine.run("try", "--apply", "--", "sh", "-c", CHANGE));
  const after = machine.witness();
  const kills = { undo: 0, redo: 0 };
  for (const word of ["undo", "redo"] as const) {
    const [start, end] = word === "undo" ? [after, before] : [before, after];
    for (let move = 1; ; move += 1) {
      const killed = machine.at(`${machine.root}-killed`);
      execFileSync("cp", ["-a", machine.root, killed.root]);
      const inject = `inject=renameat,renameat2:signal=KILL:when=${move}`;
      const words = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat,renameat2", "-e", inject];
      const { signal } = killed.call("strace", ...words, ...killed.command, word);
      if (signal !== null) {
        kills[word] += 1;
        const { stderr } = succeeds(t, killed.run("op", "log"));
        t.is(killed.witness(), end, `${word}, move ${move}: ${stderr}`);
        t.regex(stderr, new RegExp(`varve: finished "${word}", which was stopped half-way`));
        nothingLeft(t, killed);
        succeeds(t, killed.run(word === "undo" ? "redo" : "undo"));
        t.is(killed.witness(), start, `${word}, move ${move}, taken back`);
      }
      execFileSync("rm", ["-rf", killed.root]);
      if (signal === null) break;
    }
    succeeds(t, machine.run(word));
  }
  t.true(kills.undo > 5 && kills.redo > 5, JSON.stringify(kills));
});

test("what somebody changed after a killed command is not clobbered by the next one", (t) => {
  const machine = prepared(t);
  const { root } = machine;
  succeeds(t, machine.run("try", "--apply", "--", "sh", "-c", CHANGE));
  writeFileSync(path.join(root, "etc/even"), "somebody's\n");
  // As a process leaves it that was killed after it had logged what it would do.
  writeFileSync(path.join(root, "var/lib/store/operations/unsettled"), "");
  execFileSync("rm", [path.join(root, "opt/old/three")]);
  const { stderr } = succeeds(t, machine.run("op", "log"));
  t.regex(stderr, /warning: did not finish "try --apply .*files were changed since/);
  t.is(readFileSync(path.join(root, "etc/even"), "utf8"), "somebody's\n");
});
