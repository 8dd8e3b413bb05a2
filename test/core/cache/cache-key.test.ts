import test from "ava";
import { cacheKey, type CacheQuestion } from "../../../core/cache/cache-key.js";
import { parseTreeId } from "../../../core/model/ids.js";
import { CONFIGURATION } from "../../helpers/container-configuration.js";

const tree = (digit: string) => parseTreeId(digit.repeat(64));
const question: CacheQuestion = {
  parent: { tree: tree("1"), config: { config: { Env: ["A=1"] }, os: "linux" } },
  configuration: { ...CONFIGURATION, command: ["make", "install"], environment: ["B=2"] },
  namesHost: true,
  volumes: [{ name: "/src", digest: "a" }],
  inputs: [{ name: "lock", digest: "b" }],
};
const configured = (changes: Partial<CacheQuestion["configuration"]>): CacheQuestion => ({
  ...question,
  configuration: { ...question.configuration, ...changes },
});

const others: readonly (readonly [what: string, question: CacheQuestion])[] = [
  ["tree", { ...question, parent: { ...question.parent, tree: tree("2") } }],
  ["image config", { ...question, parent: { ...question.parent, config: undefined } }],
  ["command", configured({ command: ["make", "all"] })],
  ["command, joined otherwise", configured({ command: ["make install"] })],
  ["environment", configured({ environment: ["B=3"] })],
  ["working directory", configured({ workingDirectory: "/elsewhere" })],
  ["user", configured({ user: "1000" })],
  ["host name", configured({ hostname: "elsewhere" })],
  ["network", configured({ network: question.configuration.network === "none" ? "host" : "none" })],
  ["capabilities", configured({ security: { added: ["CAP_NET_ADMIN"] } })],
  ["place in memory", configured({ tmpfs: [{ destination: "/tmp", options: [] }] })],
  ["device", configured({ devices: [{ source: "/dev/a", destination: "/dev/a", access: "r" }] })],
  ["kernel setting", configured({ sysctls: { "net.a": "1" } })],
  ["group", configured({ groups: ["video"] })],
  ["writability", configured({ readOnly: !question.configuration.readOnly })],
  ["content of a volume", { ...question, volumes: [{ name: "/src", digest: "c" }] }],
  ["place of a volume", { ...question, volumes: [{ name: "/usr/src", digest: "a" }] }],
  ["content of an input", { ...question, inputs: [{ name: "lock", digest: "c" }] }],
  ["an input for a volume", { ...question, volumes: [], inputs: [...question.inputs, ...question.volumes] }],
];

for (const [what, other] of others) {
  test(`cacheKey() is another with another ${what}`, (t) => {
    t.regex(cacheKey(question), /^[0-9a-f]{64}$/);
    t.not(cacheKey(other), cacheKey(question));
  });
}

test("cacheKey() is the same whatever the order of keys, volumes and inputs, the limits, and a host name that nobody chose", (t) => {
  const two = [...question.volumes, { name: "/b", digest: "d" }];
  t.is(cacheKey({ ...question, volumes: two }), cacheKey({ ...question, volumes: [...two].reverse() }));
  const reordered = { os: "linux", config: { Env: ["A=1"] } };
  t.is(cacheKey({ ...question, parent: { config: reordered, tree: tree("1") } }), cacheKey(question));
  t.is(cacheKey(configured({ limits: { memoryBytes: 1 } })), cacheKey(question));
  const unnamed = { ...question, namesHost: false };
  t.is(cacheKey({ ...configured({ hostname: "calm-tarn" }), namesHost: false }), cacheKey(unnamed));
});
