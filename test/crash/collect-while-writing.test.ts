import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import test from "ava";
import type { RefName } from "../../core/model/ids.js";
import { nodeAt } from "../../core/model/paths.js";
import { openCommitTree } from "../../core/operations/targets.js";
import { hermeticEnvironment } from "../helpers/hermetic-environment.js";
import { maintainedStore } from "../helpers/maintained-store.js";

// The time of today: gc must not take what is young for old.
const environment = { ...hermeticEnvironment("/nonexistent"), SOURCE_DATE_EPOCH: undefined };
const execute = promisify(execFile);
const ROUNDS = 8;
const WRITERS = ["a", "b", "c"];

const OPEN = `
  const [build, store, name, rounds] = process.argv.slice(1);
  const load = (module) => import(build + module);
  const { openStore } = await load("store/open-store.js");
  const { repositoryAt } = await load("cli/open-repository.js");
  const open = async () => {
    const layout = await openStore(store);
    return { ...(await repositoryAt(layout)), layout };
  };
`;

/**
 * Each round: new content on the branch, the same content that another one writes and gc may just take, a branch that comes and goes. What
 * the passing branch holds, others write in their next round: it lends, and must stay when it passes.
 */
const WRITER = `${OPEN}
  const { writeFileSync } = await import("node:fs");
  const { importSource } = await load("core/operations/import-source.js");
  const { createRef, deleteRefs } = await load("core/operations/branches.js");
  const source = store + "/../source-" + name;
  for (let round = 1; round <= Number(rounds); round += 1) {
    writeFileSync(source + "/own", (name + round + " ").repeat(3000));
    writeFileSync(source + "/same", ("same" + round + " ").repeat(3000));
    const repository = await open();
    const { commit } = await importSource(repository, { kind: "directory", path: source }, { branch: "refs/heads/" + name, message: "r" + round, command: "import" });
    const passing = "refs/heads/passing-" + name;
    const other = store + "/../other-" + name;
    writeFileSync(other + "/next", ("same" + (round + 1) + " ").repeat(3000));
    await importSource(repository, { kind: "directory", path: other }, { branch: passing, message: "other", command: "import" });
    await deleteRefs(await open(), [passing], { command: "branch -d", force: true });
    await createRef(await open(), "refs/tags/" + name + round, commit.id, { command: "tag" });
  }
`;

const COLLECTOR = `${OPEN}
  const { collectGarbage } = await load("core/maintenance/collect-garbage.js");
  const { openGarbage } = await load("store/maintenance/collect-waste.js");
  let stop = false;
  process.on("SIGTERM", () => (stop = true));
  let removed = 0;
  do {
    const repository = await open();
    const garbage = openGarbage(repository.layout, repository.history);
    removed += (await collectGarbage(repository, garbage, { pruneAgeMilliseconds: 0, dryRun: false })).layers.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (!stop);
  process.stdout.write(String(removed));
`;

test("gc in a loop beside three processes that import, tag and delete branches takes nothing that a ref needs", async (t) => {
  const store = await maintainedStore(t);
  const { layout } = store;
  const folder = path.dirname(layout.root);
  for (const name of WRITERS) {
    for (const kind of ["source", "other"]) mkdirSync(path.join(folder, `${kind}-${name}`));
    writeFileSync(path.join(folder, `other-${name}`, "other"), "other".repeat(5000));
  }
  const build = new URL("../../", import.meta.url).pathname;
  const start = (script: string, ...words: string[]) =>
    execute(process.execPath, ["--input-type=module", "-e", script, build, layout.root, ...words], { env: environment });

  const collector = start(COLLECTOR);
  await Promise.all(WRITERS.map((name) => start(WRITER, name, String(ROUNDS))));
  collector.child.kill("SIGTERM");
  t.true(Number((await collector).stdout) > 0, "the collector was to find garbage");

  t.deepEqual((await store.fsck()).findings, []);
  t.is(
    execFileSync("git", ["fsck", "--strict", "--full", "--no-dangling"], {
      cwd: layout.git,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
    "",
  );
  const repository = store.reopened();
  for (const name of WRITERS) {
    for (let round = 1; round <= ROUNDS; round += 1) {
      const tree = await openCommitTree(repository, await repository.history.readRef(`refs/tags/${name}${round}` as RefName));
      const node = nodeAt(tree, "own" as never);
      t.is(node && "content" in node ? node.content.size : 0, `${name}${round} `.length * 3000);
      tree.close();
    }
  }
  t.regex(readFileSync(path.join(layout.operations, "horizon"), "utf8"), /^\d{4}-.*Z\n$/);
});
