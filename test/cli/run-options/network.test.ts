import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { networkConfiguration } from "../../../cli/run-options/network.js";

const NOTHING = {
  network: "lab",
  publish: [],
  "publish-all": false,
  expose: [],
  ip: undefined,
  "network-alias": [],
  "mac-address": undefined,
};

function ports(...publish: string[]): readonly string[] {
  const { endpoint } = networkConfiguration({ ...NOTHING, publish });
  return endpoint!.ports!.map((port) => `${port.hostAddress}:${port.hostPort}:${port.containerPort}/${port.protocol}`);
}

test("-p without --network asks for the network that this machine and user have", (t) => {
  t.is(networkConfiguration({ ...NOTHING, network: undefined, publish: ["80"] }).network, "default");
  t.deepEqual(networkConfiguration({ ...NOTHING, network: undefined, "publish-all": true }, ["80/tcp"]), {
    network: "default",
    endpoint: { ports: [{ hostAddress: "", hostPort: 0, containerPort: 80, protocol: "tcp" }] },
    exposed: ["80/tcp"],
  });
});

test("without options there is no network", (t) => {
  t.deepEqual(networkConfiguration({ ...NOTHING, network: undefined }), { network: "none" });
});

const PORTS: readonly (readonly [string, readonly string[]])[] = [
  ["80", [":0:80/tcp"]],
  ["8080:80", [":8080:80/tcp"]],
  ["53:53/udp", [":53:53/udp"]],
  ["127.0.0.1:8080:80", ["127.0.0.1:8080:80/tcp"]],
  ["127.0.0.1::80/TCP", ["127.0.0.1:0:80/tcp"]],
  ["8000-8001:80-81", [":8000:80/tcp", ":8001:81/tcp"]],
];
for (const [text, wanted] of PORTS) test(`-p ${text} is read as docker reads it`, (t) => t.deepEqual(ports(text), wanted));

for (const text of [
  "",
  "0",
  "65536",
  "a",
  "80:",
  "1:2:3:4",
  "80/icmp",
  "8000-8002:80-81",
  "81-80",
  "300.1.1.1:1:1",
  "-1:80",
  "8080:80/",
])
  test(`-p "${text}" is refused`, (t) => {
    const error = t.throws(() => ports(text), { instanceOf: VarveError });
    t.is(error.code, "USAGE");
  });

test("-p refuses what is given twice, and IPv6", (t) => {
  t.throws(() => ports("80:80", "80:81"), { message: "Cannot read -p: port 80/tcp is given twice" });
  t.notThrows(() => ports("80:80", "80:80/udp", "127.0.0.1:80:80"));
  t.like(
    t.throws(() => ports("[::1]:80:80")),
    { code: "UNSUPPORTED" },
  );
});

const REFUSED: readonly (readonly [string, Partial<Parameters<typeof networkConfiguration>[0]>])[] = [
  ["-p with no network", { network: "none", publish: ["80"] }],
  ["-p with the machine's network", { network: "host", publish: ["80"] }],
  ["-p with a container's network", { network: "container:web", publish: ["80"] }],
  ["-P with no network", { network: "none", "publish-all": true }],
  ["-P with the machine's network", { network: "host", "publish-all": true, expose: ["80"] }],
  ["--ip on the default network", { network: "bridge", ip: "10.0.0.2" }],
  ["--ip that is none", { ip: "10.0.0" }],
  ["--network-alias on the default network", { network: "bridge", "network-alias": ["www"] }],
  ["an alias with a space", { "network-alias": ["a b"] }],
  ["--mac-address of many receivers", { "mac-address": "01:00:00:00:00:01" }],
  ["--mac-address that is none", { "mac-address": "02:00" }],
  ["a network that can have no such name", { network: "../x" }],
  ["an empty network", { network: "" }],
];
for (const [what, given] of REFUSED)
  test(`${what} is refused`, (t) => {
    t.like(
      t.throws(() => networkConfiguration({ ...NOTHING, ...given })),
      { code: "USAGE" },
    );
  });
