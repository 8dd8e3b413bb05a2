import test from "ava";
import { misfits, type Shape } from "../helpers/json-shape.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { varve } from "./built-command.js";

const VOLUME: Shape = {
  name: /^data$/,
  created: /^\d{4}-.*Z$/,
  labels: { keep: /^yes$/ },
  anonymous: "boolean",
  path: /\/volumes\/data\/data$/,
  containers: ["string"],
};

test("--json of volume has the shape of docs/json.md", (t) => {
  const home = temporaryDirectory(t);
  const json = (...words: string[]): unknown => {
    const { status, stdout, stderr } = varve(["--store", "store", "--json", "volume", ...words], { cwd: home, home });
    t.is(status, 0, stderr);
    return JSON.parse(stdout);
  };
  t.deepEqual(misfits(json("create", "data", "-l", "keep=yes"), VOLUME), []);
  t.deepEqual(misfits(json("ls"), [VOLUME]), []);
  t.deepEqual(misfits(json("inspect", "data"), [VOLUME]), []);
  t.deepEqual(json("rm", "data"), { removed: ["data"] });
  t.deepEqual(json("prune"), { removed: [] });
  t.deepEqual(json("ls"), []);
});
