// What save is told of dates and platforms.
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { userStore } from "../helpers/user-store.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

const test = testIf("tar", "skopeo");
const EARLIER = "1000000000";

interface Room {
  readonly home: string;
  readonly call: (environment: NodeJS.ProcessEnv, ...words: string[]) => SpawnSyncReturns<string>;
  readonly ok: (environment: NodeJS.ProcessEnv, ...words: string[]) => void;
  readonly config: (file: string) => Config;
}

interface Config {
  readonly created: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly history: readonly { readonly created: string }[];
}

/** Without a date that is set for all of it. */
function makeRoom(t: ExecutionContext): Room {
  const { home } = userStore(t, undefined);
  const call: Room["call"] = (environment, ...words) => {
    const env = { ...environmentWithVarve(home), SOURCE_DATE_EPOCH: undefined, ...environment };
    return spawnSync(process.execPath, [BUILT_COMMAND, ...words], { cwd: home, env, encoding: "utf8" });
  };
  const ok: Room["ok"] = (environment, ...words) => {
    const { status, stderr } = call(environment, ...words);
    t.is(status, 0, stderr);
  };
  const config: Room["config"] = (file) => {
    const words = ["inspect", "--config", "--raw", `docker-archive:${path.join(home, file)}`];
    return JSON.parse(spawnSync("skopeo", words, { encoding: "utf8" }).stdout) as Config;
  };
  return { home, call, ok, config };
}

test("save with SOURCE_DATE_EPOCH gives the same bytes for what was committed at other times", (t) => {
  const { home, ok, config } = makeRoom(t);
  for (const [store, time] of [
    ["one", "2020-02-03T04:05:06Z"],
    ["two", "2021-02-03T04:05:06Z"],
  ] as const) {
    ok({ VARVE_CLOCK: time }, "--store", store, "import", "root.tar", "-b", "web", "-m", "made");
    ok({}, "--store", store, "save", "web", "-o", `${store}.tar`);
    ok({ SOURCE_DATE_EPOCH: EARLIER }, "--store", store, "save", "web", "-o", `${store}.pinned.tar`);
    ok({ SOURCE_DATE_EPOCH: "2000000000" }, "--store", store, "save", "web", "-o", `${store}.later.tar`);
    t.is(config(`${store}.tar`).created, time);
    t.deepEqual(config(`${store}.later.tar`), config(`${store}.tar`));
  }
  const bytes = (name: string): Buffer => readFileSync(path.join(home, name));
  t.false(bytes("one.tar").equals(bytes("two.tar")));
  t.true(bytes("one.pinned.tar").equals(bytes("two.pinned.tar")));
  const { created, history } = config("one.pinned.tar");
  t.deepEqual([created, ...history.map((entry) => entry.created)], ["2001-09-09T01:46:40Z", "2001-09-09T01:46:40Z"]);
});

test("save with SOURCE_DATE_EPOCH lets an image out as it came, and brings what is built on it to that date", (t) => {
  const { ok, config } = makeRoom(t);
  ok({ VARVE_CLOCK: "2020-02-03T04:05:06Z" }, "--store", "one", "import", "root.tar", "-b", "web", "-m", "made");
  ok({}, "--store", "one", "save", "web", "-o", "web.tar");
  ok({}, "--store", "two", "load", "web.tar", "--name", "web:1", "-b", "mine");
  ok({ SOURCE_DATE_EPOCH: EARLIER }, "--store", "two", "save", "web:1", "-o", "same.tar");
  t.deepEqual(config("same.tar"), config("web.tar"));
  ok({}, "--store", "two", "import", "root", "-b", "mine", "-m", "more");
  ok({ SOURCE_DATE_EPOCH: EARLIER }, "--store", "two", "save", "mine", "-o", "mine.tar");
  const { created, history } = config("mine.tar");
  t.is(history.length, 2);
  for (const date of [created, ...history.map((entry) => entry.created)]) t.is(date, "2001-09-09T01:46:40Z");
});

test("save with a SOURCE_DATE_EPOCH that is no number writes nothing", (t) => {
  const { home, call } = makeRoom(t);
  const { status, stderr } = call({ SOURCE_DATE_EPOCH: "yesterday" }, "--store", "store", "save", "base", "-o", "out.tar");
  t.is(status, 2);
  t.regex(stderr, /Cannot read SOURCE_DATE_EPOCH "yesterday": expected whole seconds since 1970/);
  t.false(readdirSync(home).some((name) => name.startsWith("out.tar")));
});

test("save --platform says what a commit is for that does not say, and refuses one that is for another", (t) => {
  const { home, call, ok, config } = makeRoom(t);
  ok({}, "--store", "store", "save", "base", "--platform", "linux/arm/v7", "-o", "arm.tar");
  t.like(config("arm.tar"), { architecture: "arm", variant: "v7" });
  ok({}, "--store", "store", "load", "arm.tar", "--platform", "linux/arm", "--name", "arm:1");
  for (const platform of ["linux/arm", "linux/arm/v7"])
    ok({}, "--store", "store", "save", "arm:1", "--platform", platform, "-o", "again.tar");
  t.deepEqual(config("again.tar"), config("arm.tar"));
  for (const platform of ["linux/amd64", "linux/arm/v6", "windows/arm"]) {
    const { status, stderr } = call({}, "--store", "store", "save", "arm:1", "--platform", platform, "-o", "out.tar");
    t.is(status, 40, stderr);
    t.regex(stderr, new RegExp(`Cannot make an image for ${platform}: commit \\w+ is for linux/arm/v7\n`));
  }
  const { status, stderr } = call({}, "--store", "store", "save", "base", "--platform", "arm", "-o", "out.tar");
  t.is(status, 2);
  t.regex(stderr, /Cannot read --platform "arm"/);
  t.false(readdirSync(home).some((name) => name.startsWith("out.tar")));
});
