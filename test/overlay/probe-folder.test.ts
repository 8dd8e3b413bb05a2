import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import { sweepProbeFolders, withProbeFolder } from "../../overlay/probe-folder.js";
import { testIf } from "../helpers/requirements.js";
import { cgroupsOf } from "./container-fixture.js";

function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "varve-test-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A process in the middle of a probe, with a cgroup when it may make one. @returns Its folder's name. */
async function beginProbe(t: ExecutionContext, parent: string): Promise<{ readonly child: ChildProcess; readonly name: string }> {
  const [folders, cgroups] = ["probe-folder.js", "runtime/cgroups.js"].map((file) =>
    fileURLToPath(new URL(`../../overlay/${file}`, import.meta.url)),
  );
  const script = `
    import { withProbeFolder } from ${JSON.stringify(folders)};
    import { makeFreezerGroup } from ${JSON.stringify(cgroups)};
    withProbeFolder(({ path, cgroup }) => {
      try { makeFreezerGroup(cgroup); } catch {}
      console.log(path);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }, ${JSON.stringify(parent)});`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => child.kill("SIGKILL"));
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  return { child, name: path.basename(line.toString("utf8").trim()) };
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

test("withProbeFolder() removes its folder, also when the probe fails", (t) => {
  const parent = temporaryFolder(t);
  withProbeFolder(({ path: folder }) => writeFileSync(path.join(folder, "file"), ""), parent);
  t.throws(() =>
    withProbeFolder(() => {
      throw new RangeError("failed");
    }, parent),
  );
  t.deepEqual(readdirSync(parent), []);
});

testIf("mounts")("withProbeFolder() first removes what killed processes left, and nothing of living ones", async (t) => {
  const parent = temporaryFolder(t);
  const living = await beginProbe(t, parent);
  const dead = await beginProbe(t, parent);
  await kill(dead.child);
  t.deepEqual(readdirSync(parent).sort(), [living.name, dead.name].sort());
  t.not(cgroupsOf(dead.name.toLowerCase()).length, 0);
  withProbeFolder(() => {
    t.true(readdirSync(parent).includes(living.name));
    t.false(readdirSync(parent).includes(dead.name));
  }, parent);
  t.deepEqual(cgroupsOf(dead.name.toLowerCase()), []);
  t.not(cgroupsOf(living.name.toLowerCase()).length, 0);
  await kill(living.child);
  sweepProbeFolders(parent);
  t.deepEqual([readdirSync(parent), cgroupsOf(living.name.toLowerCase())], [[], []]);
});

testIf("root")("sweepProbeFolders() touches nothing of other names, types and users", (t) => {
  const parent = temporaryFolder(t);
  const elsewhere = temporaryFolder(t);
  writeFileSync(path.join(elsewhere, "file"), "");
  symlinkSync(elsewhere, path.join(parent, "varve-probe-linked"));
  writeFileSync(path.join(parent, "varve-probe-afile1"), "");
  for (const name of ["varve-probe-others", "varve-probe-my-own-things"]) mkdirSync(path.join(parent, name));
  chownSync(path.join(parent, "varve-probe-others"), 65534, 65534);
  const before = readdirSync(parent);
  sweepProbeFolders(parent);
  t.deepEqual(readdirSync(parent), before);
  t.deepEqual(readdirSync(elsewhere), ["file"]);
});
