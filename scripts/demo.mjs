// The main job as a tutorial, on the real built command: a root filesystem goes in, an isolated process runs on it, what it changed is
// seen, committed, read back, rolled back and brought back again. Then the same for a plain directory.
//
// npm run demo                   on a small root made of this machine's own programs: no download
// npm run demo -- --debian       on a Debian root made by debootstrap (as root; downloads about 40 MB, and installs debootstrap
//                                with apt-get where that is missing)
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { addSite, debootstrapEnvironment, debootstrapLine, makeSmallRoot } from "./demo/small-root.mjs";
import { Transcript } from "./demo/transcript.mjs";

const PROJECT = path.resolve(new URL("..", import.meta.url).pathname);
const COMMAND = path.join(PROJECT, "dist/varve.js");
const wantsDebian = process.argv.includes("--debian");

if (wantsDebian)
  spawnSync(process.execPath, [path.join(PROJECT, "scripts/prepare-machine.mjs"), "--demo", "--debian"], { stdio: "inherit" });
if (!existsSync(COMMAND)) await import("./build.mjs");

const started = performance.now();
const shell = new Transcript(COMMAND);
const leftOut = [];
await shell.tell(tellStory, removeContainers);
if (!process.exitCode) {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const left = 'It has left nothing behind, apart from packages of which a line "prepare: installing …" above tells.';
  process.stdout.write(`\nThe demo is over after ${seconds} s. ${left}\n`);
}

async function tellStory() {
  await takeRootIn();
  const obstacle = await whatForbidsRunning();
  if (obstacle === undefined) await tellOfContainer();
  else await leaveContainersOut(obstacle);
  await tellOfDirectory();
  for (const text of leftOut) shell.say(text);
}

async function takeRootIn() {
  shell.heading("A root filesystem goes in");
  shell.set("VARVE_STORE", path.join(shell.folder, "store"));
  if (wantsDebian) await makeDebianRoot();
  else {
    const { programs, libraries } = makeSmallRoot(path.join(shell.folder, "rootfs"));
    shell.say(
      `rootfs/ now holds ${programs} programs of this machine, the ${libraries} libraries they need, and a little site in /srv/www.`,
    );
  }
  addSite(path.join(shell.folder, "rootfs"));
  await shell.run("ls rootfs rootfs/srv/www", { says: ["etc", "index.html"] });
  shell.say("`import` makes the store if there is none, and commits the whole tree: owners, modes, times, xattrs, hardlinks.");
  await shell.run(`varve import rootfs -b base -m "A root with a site under construction"`);
  await shell.run("varve log base", { says: ["A root with a site under construction"] });
  await shell.run("varve ls base:srv/www", { says: ["draft.html", "index.html"] });
  await shell.run("varve cat base:srv/www/index.html", { says: ["Under construction"] });
}

/** Debian's smallest root, from the mirror that this machine's apt uses. */
async function makeDebianRoot() {
  if (process.getuid() !== 0) shell.fail("--debian needs root: debootstrap makes devices and files of many owners");
  shell.say("debootstrap downloads Debian's packages and unpacks them into rootfs/. That takes a minute or two.");
  for (const [name, value] of Object.entries(debootstrapEnvironment())) shell.set(name, value);
  const { status, output } = await quietly(debootstrapLine("rootfs"));
  if (status !== 0) shell.fail(`debootstrap ended with status ${status}:\n${output.split("\n").slice(-15).join("\n")}`);
}

async function quietly(line) {
  process.stdout.write(`$ ${line}\n`);
  return shell.ask(line);
}

/** Asks by trying: runs a process that does nothing. @returns varve's own error when it can't. */
async function whatForbidsRunning() {
  const { status, stdout, output } = await shell.ask("varve run --json --rm base -- true");
  if (status === 0) return undefined;
  const forgivable = ["MOUNT_UNAVAILABLE", "RUNTIME_MISSING", "RUNTIME_FAILED", "PERMISSION"];
  const error = readError(stdout);
  if (!forgivable.includes(error?.code)) shell.fail(`a process that does nothing can't run: ${output}`);
  return error;
}

function readError(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return undefined;
  }
}

async function leaveContainersOut({ message, hint }) {
  shell.heading("Left out: running processes on a commit");
  shell.say(`This machine does not permit it. ${message}. ${hint ?? ""}`);
  shell.say("As root on a machine (or in a container with the right to mount: --privileged) the demo shows it too.");
  shell.say("Without it: check the commit out, change the copy, and commit that on the same branch.");
  await shell.run("varve checkout base copy");
  await shell.run("echo '<h1>Release 1</h1>' > copy/srv/www/index.html; rm copy/srv/www/draft.html; chmod 750 copy/srv/www");
  await shell.run(`varve import copy -b base -m "Release 1"`);
  await shell.run("varve diff base~1 base", { says: ["/srv/www/index.html", "content", "/srv/www/draft.html", "mode"] });
  await shell.run("varve log base", { says: ["Release 1", "A root with a site under construction"] });
  leftOut.push("Left out, as told above: run, start, status, diff, commit, rollback and undo of a container.");
}

async function tellOfContainer() {
  shell.heading("An isolated process runs on it");
  shell.say(
    "The process sees the commit as its own root, with its own processes, host name and no network. What it writes goes into the container `web`.",
  );
  await shell.run("varve run --name web base -- sh -c 'hostname; id; release; ls -l /srv /srv/www'", {
    says: ["release 1 is in place", "uid=0"],
  });
  const source = await shell.run("cat rootfs/srv/www/index.html");
  shell.check("what was imported is as it was", source.includes("Under construction"));

  shell.say("What did it change, and why does varve say so?");
  await shell.run("varve status web", { says: ["/srv/release"] });
  await shell.run("varve diff web", { says: ["/srv/www/index.html", "content", "/srv/www/draft.html", "mode"] });
  await checkDiffOfFirstRelease();

  shell.say("A commit keeps it as one layer, which holds what changed and nothing else.");
  await shell.run(`varve commit web -m "Release 1"`);
  await shell.run("varve status web");
  await checkClean("web");

  shell.say("`start` runs the container's process again, on what it left. Then the next commit.");
  await shell.run("varve start web", { says: ["release 2 is in place"] });
  await shell.run("varve diff web", { says: ["/srv/old/1"] });
  await shell.run(`varve commit web -m "Release 2"`);
  await tellOfHistory();
  await tellOfRollback();
}

async function checkDiffOfFirstRelease() {
  const { value } = await shell.askJson("varve diff web --json");
  const of = (wanted) => value.find(({ path: name }) => name === wanted);
  shell.check("/srv/release was added", of("/srv/release")?.status === "A");
  shell.check("/srv/www/draft.html was deleted", of("/srv/www/draft.html")?.status === "D");
  shell.check("/srv/www/index.html has other content", of("/srv/www/index.html")?.reasons.includes("content"));
  shell.check("/srv/www has another mode, its content aside", of("/srv/www")?.reasons.includes("mode"));
}

async function checkClean(target) {
  const { value } = await shell.askJson(`varve status ${target} --json`.trim());
  shell.check("nothing is uncommitted", value.changes.length === 0);
}

async function tellOfHistory() {
  shell.heading("The history, and a process on an older commit");
  const log = await shell.run("varve log web");
  const order = ["Release 2", "Release 1", "A root with a site"].map((text) => log.indexOf(text));
  shell.check(
    "the newest commit comes first, and three stand there",
    order[0] >= 0 && order[0] < order[1] && order[1] < order[2],
  );
  await shell.run("varve diff base web", { says: ["/srv/old/0"] });
  shell.say("Any commit can be run. --rm throws away what this process writes.");
  await shell.run("varve run --rm web~1 -- cat /srv/www/index.html", { says: ["Release 1"] });
  await shell.run("varve run --rm base -- release", { says: ["release 1 is in place"] });
  await shell.run("varve cat web:srv/www/index.html", { says: ["Release 2"] });
}

async function tellOfRollback() {
  shell.heading("Back, and forth again: nothing is lost");
  shell.say(
    "A third release goes wrong before it was committed. `rollback` discards what is uncommitted, and keeps it for `undo`.",
  );
  await shell.run("varve start web", { says: ["release 3 is in place"] });
  await shell.run("varve rollback web");
  await checkClean("web");
  await shell.run("varve undo");
  await shell.run("varve status web", { says: ["/srv/www/index.html"] });
  const page = await shell.run("varve cat @web:srv/www/index.html");
  shell.check("the uncommitted release is back", page.includes("Release 3"));

  shell.say("With a revision, `rollback` goes to an older commit. That too can be undone: the later commits are kept.");
  await shell.run("varve rollback web web~1");
  await shell.run("varve log web -n 1", { says: ["Release 1"], hides: ["Release 2"] });
  await shell.run("varve cat @web:srv/www/index.html", { says: ["Release 1"] });
  await shell.run("varve undo");
  await shell.run("varve log web -n 1", { says: ["Release 2"] });
  await shell.run("varve cat @web:srv/www/index.html", { says: ["Release 3"] });
  await shell.run("varve ps --all");
  await shell.run("varve rm web");
  const kept = await shell.run("varve log web -n 1");
  shell.check("a removed container's commits stay on its branch", kept.includes("Release 2"));
  if (spawnSync("git", ["--version"]).status === 0) {
    shell.say("The history is a plain git repository.");
    await shell.run("git --git-dir=store/git log --oneline --graph web", { says: ["Release 2"] });
  }
}

async function tellOfDirectory() {
  shell.heading("The same for a plain directory, without any privilege");
  shell.set("VARVE_STORE", undefined);
  await shell.run("mkdir notes && echo 'buy milk' > notes/todo && echo 'old' > notes/draft");
  shell.enter("notes");
  await shell.run("varve init");
  await shell.run(`varve commit -m "First notes"`);
  await shell.run("echo 'buy bread' >> todo; rm draft; echo 'an idea' > idea; chmod 600 todo");
  await shell.run("varve status", { says: ["todo", "draft", "idea"] });
  await shell.run("varve diff", { says: ["content", "mode"] });
  await shell.run(`varve commit -m "Bread and an idea"`);
  await checkClean("");
  await shell.run("echo 'not committed' > idea");
  shell.say("Back to the first commit, with an edit not yet committed: rollback keeps that too.");
  await shell.run("varve rollback HEAD~1");
  await shell.run("ls; cat todo draft", { says: ["buy milk", "old"], hides: ["bread"] });
  await shell.run("varve undo");
  const notes = await shell.run("ls; cat todo idea", { says: ["buy bread"], hides: ["draft"] });
  shell.check("the edit that was never committed is back", notes.includes("not committed"));
  await shell.run("varve log", { says: ["Bread and an idea", "First notes"] });
}

/** Whatever step the story broke off at. The folder itself goes with the transcript. */
async function removeContainers() {
  if (!existsSync(path.join(shell.folder, "store"))) return;
  shell.environment.VARVE_STORE = path.join(shell.folder, "store");
  const { stdout } = await shell.ask("varve ps --all --json");
  const containers = stdout.trim().startsWith("[") ? JSON.parse(stdout) : [];
  for (const { id } of containers) await shell.ask(`varve rm --force ${id}`);
}
