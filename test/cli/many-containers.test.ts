import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { testIf } from "../helpers/requirements.js";
import { runningStore, type RunningStore } from "../helpers/running-store.js";
import { ContainerFixture, until } from "../overlay/container-fixture.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon", "mkfs.erofs").serial;
const isSlow = Boolean(process.env["VARVE_SLOW"]);
const AT_ONCE = isSlow ? 200 : 12;
const IN_TURN = isSlow ? 1000 : 20;

/** What is counted before and after: of these none may be more. */
interface Census {
  readonly mounts: number;
  readonly cgroups: number;
  readonly supervisors: number;
  readonly loopDevices: number;
  readonly networkNamespaces: number;
}

function census(folder: string): Census {
  const lines = (file: string): readonly string[] => readFileSync(file, "utf8").split("\n");
  const groups = lines("/proc/self/mounts")
    .filter((line) => line.startsWith("cgroup"))
    .flatMap((line) => spawnSync("find", [`${line.split(" ")[1]}/varve`, "-type", "d"], { encoding: "utf8" }).stdout.split("\n"));
  return {
    mounts: lines("/proc/self/mountinfo").filter((line) => line.includes(folder)).length,
    cgroups: groups.filter((name) => /[0-9a-f]{12}$/.test(name) && idsBelow(folder).has(path.basename(name))).length,
    supervisors: supervisors(folder),
    loopDevices: readdirSync("/sys/block").filter((name) => isAttached(name, folder)).length,
    networkNamespaces: readdirSync("/run").includes("netns") ? readdirSync("/run/netns").length : 0,
  };
}

/** All ids that a container of this test has had. */
const ids = new Set<string>();
function idsBelow(folder: string): ReadonlySet<string> {
  const containers = path.join(folder, "containers");
  for (const name of readdirSync(folder).includes("containers") ? readdirSync(containers) : []) ids.add(name);
  return ids;
}

function supervisors(folder: string): number {
  return Number(spawnSync("pgrep", ["-fc", `conmon.*--bundle ${folder}/`], { encoding: "utf8" }).stdout);
}

function isAttached(name: string, folder: string): boolean {
  try {
    return name.startsWith("loop") && readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8").startsWith(folder);
  } catch {
    return false;
  }
}

const NOTHING = { mounts: 0, cgroups: 0, supervisors: 0, loopDevices: 0 };

test(`${AT_ONCE} containers run at once, and nothing is left of them`, async (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", ...names(store)));
  const begin = (at: number): Promise<number | null> =>
    new Promise((resolve) => {
      const words = ["--store", store.store, "run", "-d", "--name", `box-${at}`, "base", "--", "sleep", "3600"];
      spawn(process.execPath, [BUILT_COMMAND, ...words], { env: environmentWithVarve(store.home), stdio: "ignore" }).once(
        "close",
        resolve,
      );
    });
  for (let at = 0; at < AT_ONCE; at += 4)
    t.deepEqual(await Promise.all([0, 1, 2, 3].map((next) => begin(at + next))), [0, 0, 0, 0]);
  t.is(store.run("ps", "-q").stdout.trim().split("\n").length, AT_ONCE);
  t.like(census(store.store), { mounts: 0, supervisors: AT_ONCE });
  t.is(store.run("exec", `box-${AT_ONCE - 1}`, "--", "cat", "/etc/hostname").stdout, `box-${AT_ONCE - 1}\n`);
  t.is(store.run("rm", "-f", "--forget", ...names(store)).status, 0);
  await until(() => census(store.store).supervisors === 0, "the supervisors are gone");
  t.like(census(store.store), NOTHING);
});

test(`${IN_TURN} containers come and go in turn, and nothing is left of them`, (t) => {
  const fixture = new ContainerFixture();
  t.teardown(() => fixture.dispose());
  const before = census(fixture.folder).networkNamespaces;
  const record = { ...fixture.create("cycle", { command: ["/bin/sleep", "600"] }), name: "turn" };
  const outcome = fixture.act({ action: "cycle", record, count: IN_TURN }, "", 20 * 60_000);
  t.is(outcome.error, undefined);
  t.deepEqual(census(fixture.folder), { ...NOTHING, networkNamespaces: before });
  const left = readdirSync(fixture.directory).filter((name) => /^[0-9a-f]{12}$/.test(name));
  t.deepEqual(left, [fixture.status("cycle")!.record.id]);
});

function names({ json }: RunningStore): readonly string[] {
  return (json("ps", "-a") as readonly { readonly name: string }[]).map(({ name }) => name);
}
