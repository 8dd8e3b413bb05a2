import test from "ava";
import type { ImageConfig } from "../../../core/model/commit.js";
import type { Favor } from "../../../core/merge/drivers/content-driver.js";
import { mergeConfig } from "../../../core/merge/merge-config.js";

type Config = Record<string, unknown>;

interface Row {
  readonly what: string;
  readonly base: Config | undefined;
  readonly ours: Config | undefined;
  readonly theirs: Config | undefined;
  readonly merged: Config | undefined;
  readonly conflicts?: readonly string[];
  readonly favor?: Favor;
}

const config = (inner: Config): Config => ({ architecture: "amd64", os: "linux", config: inner });

const ROWS: readonly Row[] = [
  { what: "none", base: undefined, ours: undefined, theirs: undefined, merged: undefined },
  { what: "one that theirs added", base: undefined, ours: undefined, theirs: config({}), merged: config({}) },
  {
    what: "variables by name",
    base: config({ Env: ["PATH=/bin", "A=1", "B=1"] }),
    ours: config({ Env: ["PATH=/bin", "A=2", "B=1", "C=1"] }),
    theirs: config({ Env: ["PATH=/usr/bin:/bin", "A=1", "D=1=1"] }),
    merged: config({ Env: ["PATH=/usr/bin:/bin", "A=2", "C=1", "D=1=1"] }),
  },
  {
    what: "labels by key, ports and volumes as sets, __proto__ as a name like any",
    base: config({ Labels: { a: "1", b: "1" }, ExposedPorts: { "80/tcp": {} } }),
    ours: config({ Labels: { a: "2", b: "1" }, ExposedPorts: { "80/tcp": {}, "443/tcp": {} } }),
    theirs: config({ Labels: JSON.parse('{"a":"1","__proto__":"x"}') as Config, ExposedPorts: {}, Volumes: { "/data": {} } }),
    merged: config({
      Labels: JSON.parse('{"a":"2","__proto__":"x"}') as Config,
      ExposedPorts: { "443/tcp": {} },
      Volumes: { "/data": {} },
    }),
  },
  {
    what: "Cmd and Entrypoint as wholes",
    base: config({ Cmd: ["a", "b"], Entrypoint: ["e"] }),
    ours: config({ Cmd: ["a", "c"], Entrypoint: ["e"] }),
    theirs: config({ Cmd: ["a", "d"], Entrypoint: ["f"] }),
    merged: config({ Cmd: ["a", "c"], Entrypoint: ["f"] }),
    conflicts: ["config.Cmd"],
  },
  {
    what: "what both changed, theirs favoured",
    base: config({ Env: ["A=1"], WorkingDir: "/" }),
    ours: config({ Env: ["A=2"], WorkingDir: "/a" }),
    theirs: config({ Env: ["A=3"], WorkingDir: "/b" }),
    merged: config({ Env: ["A=3"], WorkingDir: "/b" }),
    favor: "theirs",
  },
  {
    what: "variables and labels that both changed",
    base: config({ Env: ["A=1"], Labels: { a: "1" } }),
    ours: config({ Env: ["A=2"], Labels: { a: "2" } }),
    theirs: config({ Env: ["A=3"], Labels: {} }),
    merged: config({ Env: ["A=2"], Labels: { a: "2" } }),
    conflicts: ["config.Env A", "config.Labels a"],
  },
  {
    what: "what tells of layers: ours",
    base: { ...config({}), history: [1], rootfs: { diff_ids: ["a"] } },
    ours: { ...config({ User: "a" }), history: [1, 2], rootfs: { diff_ids: ["a", "b"] } },
    theirs: { ...config({}), history: [1, 3], rootfs: { diff_ids: ["a", "c"] } },
    merged: { ...config({ User: "a" }), history: [1, 2], rootfs: { diff_ids: ["a", "b"] } },
  },
];

for (const { what, base, ours, theirs, merged, conflicts = [], favor } of ROWS) {
  test(`mergeConfig() merges ${what}`, (t) => {
    const found = mergeConfig(base as ImageConfig, ours as ImageConfig, theirs as ImageConfig, favor);
    t.deepEqual(found.config, merged);
    t.deepEqual(found.conflicts, conflicts);
  });
}
