import { VarveError } from "../errors.js";
import type { ContainerState, ContainerStatus } from "../ports/containers.js";
import { shortName } from "../revision/ref-names.js";
import { keyValueFilter, labelTest, type Test, type TestMakers } from "../text/key-value-filter.js";

const STATES: readonly ContainerState[] = ["created", "running", "paused", "stopped"];
/** Docker's words for what is called otherwise here. */
const OTHER_STATES: Readonly<Record<string, ContainerState>> = { exited: "stopped", dead: "stopped" };

const TESTS: TestMakers<ContainerStatus> = {
  id:
    (value) =>
    ({ record }) =>
      record.id.startsWith(value),
  // As in docker a part of it.
  name:
    (value) =>
    ({ record }) =>
      record.name.includes(value.replace(/^\//, "")),
  status: (value) => {
    const wanted = STATES.find((state) => state === value) ?? OTHER_STATES[value];
    if (wanted === undefined)
      throw new VarveError("USAGE", `Cannot filter by status "${value}": wanted ${STATES.join(", ")} or exited`);
    return ({ state }) => state === wanted;
  },
  exited: (value) => {
    if (!/^\d{1,3}$/.test(value)) throw new VarveError("USAGE", `Cannot filter by exit code "${value}": wanted 0 to 255`);
    return ({ state, record }) => state === "stopped" && record.exitCode === Number(value);
  },
  label: (value) => {
    const fits = labelTest(value);
    return ({ record }) => fits(record.configuration.labels ?? {});
  },
  branch:
    (value) =>
    ({ record }) =>
      shortName(record.branch) === value,
  network:
    (value) =>
    ({ record, attachment }) =>
      (attachment?.network ?? record.configuration.network) === value,
  volume:
    (value) =>
    ({ record }) =>
      record.configuration.volumes.some(({ source, destination }) => source === value || destination === value),
};

/** What `ps` lists. @throws VarveError USAGE. */
export function containerFilter(filters: readonly string[]): Test<ContainerStatus> {
  return keyValueFilter(filters, TESTS, "status=exited");
}
