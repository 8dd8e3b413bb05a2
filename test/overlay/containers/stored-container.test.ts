import test from "ava";
import { formatContainer, parseContainer } from "../../../overlay/containers/stored-container.js";
import { containerRecord } from "../container-fixture.js";

const record = {
  ...containerRecord("box", { limits: { cpus: 0.5 }, volumes: [{ source: "/a", destination: "/b", readOnly: true }] }),
  exitCode: 3,
};
const good = JSON.parse(formatContainer({ record, generation: 2 })) as Record<string, unknown>;
const configuration = good["configuration"] as Record<string, unknown>;

test("parseContainer() reads what formatContainer() wrote", (t) => {
  t.deepEqual(parseContainer(JSON.stringify(good), record.id, "x"), { record, generation: 2 });
});

const hostile: readonly (readonly [why: string, text: string])[] = [
  ["nothing", ""],
  ["half a record", JSON.stringify(good).slice(0, 100)],
  ["a list", "[]"],
  ["null", "null"],
  ["another id", JSON.stringify({ ...good, id: "0".repeat(12) })],
  ["a path as a branch", JSON.stringify({ ...good, branch: "refs/heads/../../x" })],
  ["a path as a layer", JSON.stringify({ ...good, layers: ["../../etc"] })],
  ["layers that are no list", JSON.stringify({ ...good, layers: "x" })],
  ["a generation that is a path", JSON.stringify({ ...good, generation: "../x" })],
  ["generation 0", JSON.stringify({ ...good, generation: 0 })],
  ["an exit code of 256", JSON.stringify({ ...good, exitCode: 256 })],
  ["a name with NUL", JSON.stringify({ ...good, name: "a\0b" })],
  ["another network", JSON.stringify({ ...good, configuration: { ...configuration, network: "../x" } })],
  [
    "another address",
    JSON.stringify({ ...good, configuration: { ...configuration, network: "lab", endpoint: { address: "-j" } } }),
  ],
  ["a command of numbers", JSON.stringify({ ...good, configuration: { ...configuration, command: [1] } })],
  ["a negative limit", JSON.stringify({ ...good, configuration: { ...configuration, limits: { memoryBytes: -1 } } })],
  [
    "infinite processors",
    JSON.stringify({ ...good, configuration: { ...configuration, limits: {} } }).replace(
      '"limits":{}',
      '"limits":{"cpus":1e999}',
    ),
  ],
];

for (const [why, text] of hostile) {
  test(`parseContainer() of ${why} throws STORE_DAMAGED`, (t) => {
    t.like(
      t.throws(() => parseContainer(text, record.id, "/store/x")),
      { code: "STORE_DAMAGED", path: "/store/x" },
    );
  });
}
