import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { outcomeOf, runExecutions } from "./run-executions.js";
import { TARGETS } from "./targets.js";

const CRASHERS = path.resolve("fixtures/fuzz/crashers");
/** So that all of them take some seconds. `npm run fuzz` runs longer. */
const EXECUTIONS: Readonly<Record<string, number>> = {
  image: 2000,
  tar: 500,
  index: 300,
  log: 500,
  container: 1000,
  commit: 1000,
};

for (const [name, make] of Object.entries(TARGETS)) {
  test.serial(`${name}: changed bytes are read or refused with a VarveError`, async (t) => {
    const target = await make();
    t.teardown(() => target.dispose());
    const { outcomes, findings } = await runExecutions(target, { seed: 3, executions: EXECUTIONS[name] ?? 500 });
    t.deepEqual(findings, []);
    // Else the changes would all be without effect, or all the same to the reader.
    t.true(Object.keys(outcomes).length >= (name === "index" ? 1 : 2), JSON.stringify(outcomes));
  });

  test.serial(`${name}: what was found once is read or refused`, async (t) => {
    const target = await make();
    t.teardown(() => target.dispose());
    const folder = path.join(CRASHERS, name);
    const files = existsSync(folder) ? readdirSync(folder) : [];
    const faults: string[] = [];
    for (const file of files) {
      const outcome = await outcomeOf(target, target.load(file, readFileSync(path.join(folder, file))));
      if (!/^(read|refused \w+)$/.test(outcome)) faults.push(`${file}: ${outcome}`);
    }
    t.deepEqual(faults, []);
  });
}
