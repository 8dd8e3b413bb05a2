import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { EXIT_STATUS } from "../../cli/exit-status.js";
import { locateStore, sharedStore, trackedStore } from "../../cli/store-location.js";
import { STORE_NAME } from "../../store/store-layout.js";
import { TRACKED_STORE } from "../../cli/store-location.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

const at = (workingDirectory: string, environment: NodeJS.ProcessEnv = {}, isRoot = false) => ({
  workingDirectory,
  environment,
  isRoot,
});

test("the name of a tracked directory's store is the store's own", (t) => {
  t.is(TRACKED_STORE, STORE_NAME);
});

test("locateStore() takes --store before VARVE_STORE before the nearest .varve", (t) => {
  const top = temporaryDirectory(t);
  mkdirSync(path.join(top, ".varve"));
  mkdirSync(path.join(top, "a/b"), { recursive: true });
  const below = path.join(top, "a/b");
  t.is(locateStore("x", at(below, { VARVE_STORE: "y" })).store, path.join(below, "x"));
  t.is(locateStore(undefined, at(below, { VARVE_STORE: "y" })).store, path.join(below, "y"));
  t.deepEqual(locateStore(undefined, at(below, { VARVE_STORE: "" })), {
    store: path.join(top, ".varve"),
    tracked: top,
    isDefault: false,
    wasFound: true,
  });
});

test("locateStore() takes the nearest .varve of several", (t) => {
  const top = temporaryDirectory(t);
  mkdirSync(path.join(top, ".varve"));
  mkdirSync(path.join(top, "a/.varve"), { recursive: true });
  t.is(locateStore(undefined, at(path.join(top, "a"))).tracked, path.join(top, "a"));
});

test("locateStore() knows the tracked directory of a store that is named", (t) => {
  const top = temporaryDirectory(t);
  mkdirSync(path.join(top, ".varve"));
  t.is(locateStore(path.join(top, ".varve"), at("/")).tracked, top);
  t.deepEqual(locateStore(top, at("/")), { store: path.join(top, ".varve"), tracked: top, isDefault: false });
});

test("locateStore() takes a shared store as it is, whatever is in it", (t) => {
  const store = temporaryDirectory(t);
  writeFileSync(path.join(store, "format"), "1\n");
  mkdirSync(path.join(store, ".varve"));
  t.deepEqual(locateStore(store, at("/")), { store, tracked: undefined, isDefault: false });
});

const defaults: readonly (readonly [why: string, environment: NodeJS.ProcessEnv, isRoot: boolean, store: string])[] = [
  ["of root", { HOME: "/root", XDG_DATA_HOME: "/x" }, true, "/var/lib/varve"],
  ["of a user", { HOME: "/users/ada" }, false, "/users/ada/.local/share/varve"],
  ["where XDG_DATA_HOME says", { HOME: "/users/ada", XDG_DATA_HOME: "/data" }, false, "/data/varve"],
  ["despite a relative XDG_DATA_HOME", { HOME: "/users/ada", XDG_DATA_HOME: "data" }, false, "/users/ada/.local/share/varve"],
  ["without HOME", {}, false, "/.local/share/varve"],
];

for (const [why, environment, isRoot, store] of defaults) {
  test(`locateStore() finds the shared store ${why}`, (t) => {
    const location = locateStore(undefined, at(temporaryDirectory(t), environment, isRoot));
    t.deepEqual(location, { store, tracked: undefined, isDefault: true });
    t.is(sharedStore(undefined, at("/", environment, isRoot)), store);
  });
}

test("trackedStore() of a directory that nobody tracks is nothing", (t) => {
  t.is(trackedStore(temporaryDirectory(t)), undefined);
});

test("a command given in a removed directory says so", (t) => {
  const [home, gone] = [temporaryDirectory(t), path.join(temporaryDirectory(t), "gone")];
  mkdirSync(gone);
  const script = `rmdir "$PWD"; exec "$0" "$1" log`;
  const { status, stderr } = spawnSync("sh", ["-c", script, process.execPath, BUILT_COMMAND], {
    cwd: gone,
    env: environmentWithVarve(home),
    encoding: "utf8",
  });
  t.regex(stderr, /the current directory has been removed\nvarve: hint: /);
  t.is(status, EXIT_STATUS.IO);
});
