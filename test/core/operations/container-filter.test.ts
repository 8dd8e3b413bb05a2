import test from "ava";
import { containerFilter } from "../../../core/operations/container-filter.js";
import type { RefName } from "../../../core/model/ids.js";
import type { ContainerRecord, ContainerStatus, RunConfiguration } from "../../../core/ports/containers.js";

/** Of a container what filters look at. */
function container(
  id: string,
  name: string,
  rest: Partial<Omit<ContainerStatus, "record">> & Record<string, unknown> = {},
): ContainerStatus {
  const { state = "running", attachment, branch = "main", exitCode, labels = {}, volumes = [], network = "none" } = rest;
  const configuration = { labels, volumes, network } as unknown as RunConfiguration;
  const record = { id, name, branch: `refs/heads/${String(branch)}` as RefName, exitCode, configuration } as ContainerRecord;
  return { record, state, pid: undefined, ...(attachment && { attachment }) };
}

const ALL: readonly ContainerStatus[] = [
  container("aa11", "web-1", { labels: { tier: "front", ci: "" }, network: "lan" }),
  container("ab22", "web-2", { state: "stopped", exitCode: 137, labels: { tier: "back" } }),
  container("ac33", "db", {
    state: "paused",
    branch: "data",
    volumes: [{ source: "vol", destination: "/var/db", readOnly: false }],
  }),
  container("ad44", "never", { state: "created" }),
  container("ae55", "done", { state: "stopped", exitCode: 0 }),
];

for (const [filters, names] of [
  [[], ["web-1", "web-2", "db", "never", "done"]],
  [["id=a"], ["web-1", "web-2", "db", "never", "done"]],
  [["id=ab2"], ["web-2"]],
  [["name=web"], ["web-1", "web-2"]],
  [["name=/web-1"], ["web-1"]],
  [["status=exited"], ["web-2", "done"]],
  [
    ["status=stopped", "status=paused"],
    ["web-2", "db", "done"],
  ],
  [["status=created"], ["never"]],
  [["exited=0"], ["done"]],
  [["exited=137", "name=web"], ["web-2"]],
  [["exited=137", "name=db"], []],
  [["label=tier"], ["web-1", "web-2"]],
  [["label=tier=back"], ["web-2"]],
  [["label=ci="], ["web-1"]],
  [["label=toString"], []],
  [["branch=data"], ["db"]],
  [["network=lan"], ["web-1"]],
  [["volume=vol"], ["db"]],
  [["volume=/var/db"], ["db"]],
] as const)
  test(`containers that fit ${filters.join(" ") || "no filter"}`, (t) => {
    t.deepEqual(
      ALL.filter(containerFilter(filters)).map(({ record }) => record.name),
      [...names],
    );
  });

for (const wrong of [
  "",
  "=",
  "name",
  "name=",
  "colour=red",
  "status=on",
  "exited=x",
  "exited=-1",
  "__proto__=1",
  "constructor=1",
])
  test(`the filter "${wrong}" is none`, (t) => {
    t.throws(() => containerFilter([wrong]), { code: "USAGE" });
  });
