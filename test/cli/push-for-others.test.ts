// What push is told of dates and platforms: the history beside the image must still be known as the image's.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { startRegistry } from "../helpers/local-registry.js";
import { testIf } from "../helpers/requirements.js";
import { userStore } from "../helpers/user-store.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

const test = testIf("docker-registry", "skopeo").serial;

const WAYS: readonly (readonly [what: string, words: readonly string[], environment: NodeJS.ProcessEnv])[] = [
  ["as it is", [], {}],
  ["with SOURCE_DATE_EPOCH", [], { SOURCE_DATE_EPOCH: "1000" }],
  ["with --platform", ["--platform", "linux/arm64/v8"], {}],
  ["with all of that, as one layer", ["--squash", "--history", "--platform", "linux/arm64"], { SOURCE_DATE_EPOCH: "1000" }],
];

for (const [what, words, environment] of WAYS) {
  test(`push ${what}: the image says so, and pull and clone give back the commits`, async (t) => {
    const [{ home, ok }, { host }] = [userStore(t, undefined), await startRegistry(t)];
    ok("import", "root", "-b", "base", "-m", "second");
    const tip = (JSON.parse(ok("--json", "show", "-s", "base")) as { commit: string }).commit;
    const env = { ...environmentWithVarve(home), SOURCE_DATE_EPOCH: undefined, ...environment };
    const store = ["--store", path.join(home, "store")];
    const pushed = spawnSync(process.execPath, [BUILT_COMMAND, ...store, "push", "base", `${host}/base:1`, ...words], {
      env,
      cwd: home,
    });
    t.is(pushed.status, 0, pushed.stderr.toString());
    const inspect = ["inspect", "--tls-verify=false", "--config", "--raw", `docker://${host}/base:1`];
    const { created, architecture, variant, history } = JSON.parse(spawnSync("skopeo", inspect, { encoding: "utf8" }).stdout) as {
      created: string;
      architecture: string;
      variant?: string;
      history: readonly { created: string }[];
    };
    const isPinned = "SOURCE_DATE_EPOCH" in environment;
    t.deepEqual(
      [created, ...history.map((entry) => entry.created)].map((date) => date === "1970-01-01T00:16:40Z"),
      [isPinned, isPinned, isPinned],
    );
    const [, wanted = "", wantedVariant] = (words.at(-1) ?? "").split("/");
    if (wanted !== "") t.deepEqual([architecture, variant], [wanted, wantedVariant]);

    const other = ["--store", path.join(home, "other")];
    ok(...other, "pull", `${host}/base:1`, ...(wanted === "" ? [] : ["--platform", `linux/${wanted}`]));
    t.is((JSON.parse(ok(...other, "--json", "show", "-s", `${host}/base:1`)) as { commit: string }).commit, tip);
    ok("clone", "--bare", `${host}/base:1`, path.join(home, "cloned"));
    const cloned = JSON.parse(ok("--store", path.join(home, "cloned"), "--json", "show", "-s", "base")) as { commit: string };
    t.is(cloned.commit, tip);
  });
}

test("push --platform of a commit that is for another sends nothing", async (t) => {
  const [{ ok, run }, { host }] = [userStore(t, undefined), await startRegistry(t)];
  ok("push", "base", `${host}/base:1`, "--platform", "linux/arm64");
  ok("pull", `${host}/base:1`, "--no-history", "--platform", "linux/arm64", "-b", "arm");
  const { status, stderr } = run("push", "arm", `${host}/base:2`, "--platform", "linux/s390x");
  t.is(status, 40, stderr);
  t.is(run("pull", `${host}/base:2`).status, 83);
});
