import test from "ava";
import { restartDelay } from "../../../core/operations/settle-ended.js";
import type { RestartPolicy } from "../../../core/ports/containers.js";

const ended = (exitCode: number | undefined) => ({ exitCode, ranMilliseconds: 0 });
const started = (count: number) => ({ count, stopped: false });

const cases: readonly {
  readonly policy: RestartPolicy;
  readonly count: number;
  readonly exitCode: number | undefined;
  readonly wants: number | undefined;
}[] = [
  { policy: { name: "no" }, count: 0, exitCode: 1, wants: undefined },
  { policy: { name: "always" }, count: 0, exitCode: 0, wants: 100 },
  { policy: { name: "always" }, count: 3, exitCode: 1, wants: 800 },
  { policy: { name: "always" }, count: 1000, exitCode: 1, wants: 60_000 },
  { policy: { name: "unless-stopped" }, count: 0, exitCode: undefined, wants: 100 },
  { policy: { name: "on-failure" }, count: 0, exitCode: 0, wants: undefined },
  { policy: { name: "on-failure" }, count: 5, exitCode: 2, wants: 3200 },
  { policy: { name: "on-failure", most: 2 }, count: 1, exitCode: 2, wants: 200 },
  { policy: { name: "on-failure", most: 2 }, count: 2, exitCode: 2, wants: undefined },
];

for (const { policy, count, exitCode, wants } of cases) {
  const text = `${policy.name}${"most" in policy ? `:${policy.most}` : ""}`;
  test(`restartDelay() of ${text} after exit code ${exitCode} and ${count} restarts`, (t) => {
    t.is(restartDelay(policy, started(count), ended(exitCode)), wants);
  });
}

test("restartDelay() of one that a person stopped", (t) => {
  for (const name of ["always", "unless-stopped", "on-failure"] as const) {
    t.is(restartDelay({ name }, { count: 0, stopped: true }, ended(1)), undefined);
  }
});
