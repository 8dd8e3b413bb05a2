import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { netavarkConfiguration } from "../../../overlay/network/netavark.js";
import {
  attachmentOf,
  listAttachments,
  listHelperAttachments,
  readAttachment,
  writeAttachment,
  type HelperAttachment,
} from "../../../overlay/network/stored-attachment.js";
import { endpointOf } from "../../../overlay/network/stored-endpoint.js";
import { networkOf, parseNetwork } from "../../../overlay/network/stored-network.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

const ID = "0123456789ab";
const NETWORK = {
  name: "lab",
  id: "a".repeat(64),
  subnet: "10.90.3.0/24",
  gateway: "10.90.3.1",
  interfaceName: "vrvaaaaaaaaaa",
  internal: false,
  dns: true,
  created: "2001-02-03T04:05:06.789Z",
};
const ATTACHMENT = {
  machine: { boot: "7ff9faf3-c594-4740-adf7-4d453edf9d9d", namespace: 4026531840 },
  id: ID,
  name: "web",
  network: NETWORK,
  address: "10.90.3.2",
  aliases: ["www", "a.b_c"],
  ports: [{ hostAddress: "", hostPort: 8080, containerPort: 80, protocol: "tcp" as const }],
};

test("a record comes back as it was written, without what is unknown", (t) => {
  t.deepEqual(networkOf({ ...NETWORK, other: 1 }), NETWORK);
  t.deepEqual(attachmentOf({ ...ATTACHMENT, other: 1 }, ID), ATTACHMENT);
  t.deepEqual(endpointOf({ ports: ATTACHMENT.ports, aliases: ["www"], other: 1 }), { ports: ATTACHMENT.ports, aliases: ["www"] });
});

const HOSTILE_NETWORKS: readonly (readonly [string, Record<string, unknown>])[] = [
  ["another device of the machine", { interfaceName: "eth0" }],
  ["a name that leads elsewhere", { name: "../lab" }],
  ["no id", { id: "a" }],
  ["a gateway of another subnet", { gateway: "10.90.4.1" }],
  ["a gateway that means all", { gateway: "10.90.3.255" }],
  ["a subnet that is none", { subnet: "10.90.3.1/24" }],
  ["a number for a text", { subnet: 7 }],
];
for (const [what, part] of HOSTILE_NETWORKS)
  test(`a network's record with ${what} is refused`, (t) => {
    t.throws(() => networkOf({ ...NETWORK, ...part }), { instanceOf: TypeError });
    const error = t.throws(() => parseNetwork(JSON.stringify({ ...NETWORK, ...part }), "/x"));
    t.like(error, { code: "STORE_DAMAGED" });
  });

const HOSTILE_ATTACHMENTS: readonly (readonly [string, Record<string, unknown>])[] = [
  ["the id of another", { id: "ffffffffffff" }],
  ["an alias with a line of its own", { aliases: ["a\n10.0.0.1 bank"] }],
  ["an alias with a comma", { aliases: ["a,b"] }],
  ["a name with a space", { name: "a b" }],
  ["an address that is none", { address: "10.90.3.2; reboot" }],
  ["a port beyond the last", { ports: [{ ...ATTACHMENT.ports[0], hostPort: 65536 }] }],
  ["a protocol that is none", { ports: [{ ...ATTACHMENT.ports[0], protocol: "icmp" }] }],
  ["an option for an address", { ports: [{ ...ATTACHMENT.ports[0], hostAddress: "-j" }] }],
  ["no machine", { machine: undefined }],
];
for (const [what, part] of HOSTILE_ATTACHMENTS)
  test(`an attachment with ${what} is refused`, (t) => {
    t.throws(() => attachmentOf({ ...ATTACHMENT, ...part }, ID), { instanceOf: TypeError });
  });

const HELPED: HelperAttachment = {
  tool: "pasta",
  id: ID,
  name: "web",
  address: "10.0.2.100",
  ports: ATTACHMENT.ports,
  keeper: { pid: 4711, start: "5486407", boot: ATTACHMENT.machine.boot },
};

function containersWith(t: ExecutionContext): string {
  const containers = temporaryDirectory(t);
  for (const id of [ID, "ba9876543210"]) mkdirSync(path.join(containers, id));
  return containers;
}

test("attachments of both kinds come back as they were written, each in its own list", (t) => {
  const containers = containersWith(t);
  const bridged = { ...ATTACHMENT, id: "ba9876543210" };
  writeAttachment(containers, HELPED);
  writeAttachment(containers, bridged);
  t.deepEqual(readAttachment(containers, ID), HELPED);
  t.deepEqual(listHelperAttachments(containers), [HELPED]);
  t.deepEqual(listAttachments(containers), [bridged]);
});

const HOSTILE_HELPED: readonly (readonly [string, Record<string, unknown>])[] = [
  ["a program that is none of ours", { tool: "sh" }],
  ["the id of another", { id: "ffffffffffff" }],
  ["no process", { keeper: undefined }],
  ["all processes", { keeper: { ...HELPED.keeper, pid: -1 } }],
  ["no start", { keeper: { ...HELPED.keeper, start: 7 } }],
  ["a port that is none", { ports: [{ ...HELPED.ports[0], hostPort: "80" }] }],
];
for (const [what, part] of HOSTILE_HELPED)
  test(`an attachment of an ordinary user with ${what} is none`, (t) => {
    const containers = containersWith(t);
    writeFileSync(path.join(containers, ID, "network.json"), JSON.stringify({ ...HELPED, ...part }));
    t.is(readAttachment(containers, ID), undefined);
  });

test("netavarkConfiguration() gives what netavark reads", (t) => {
  t.like(netavarkConfiguration(ATTACHMENT), {
    container_id: ID,
    container_name: "web",
    port_mappings: [{ host_ip: "", host_port: 8080, container_port: 80, range: 1, protocol: "tcp" }],
    networks: { lab: { interface_name: "eth0", static_ips: ["10.90.3.2"], aliases: [ID, "www", "a.b_c"] } },
  });
});
