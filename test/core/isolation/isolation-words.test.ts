import os from "node:os";
import test from "ava";
import { boundingSet, capabilitiesOfMask, capabilityOf, DEFAULT_CAPABILITIES } from "../../../core/isolation/capabilities.js";
import { signalNumber } from "../../../core/isolation/signal-names.js";
import { sysctlObstacle } from "../../../core/isolation/sysctl-names.js";

test("capabilityOf() takes docker's spellings, and no name that Linux lacks", (t) => {
  t.is(capabilityOf("net_admin"), "CAP_NET_ADMIN");
  t.is(capabilityOf("CAP_NET_ADMIN"), "CAP_NET_ADMIN");
  t.is(capabilityOf("all"), "ALL");
  for (const text of ["", "CAP_", "CAP_ALL", "CAP_CAP_CHOWN", "nope", "NET_ADMIN "]) t.is(capabilityOf(text), undefined, text);
});

const AVAILABLE = ["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_KILL"];
const sets: readonly (readonly [why: string, choice: Parameters<typeof boundingSet>[0], wants: readonly string[]])[] = [
  ["the default", {}, DEFAULT_CAPABILITIES],
  ["all", { added: ["ALL"] }, AVAILABLE],
  ["all but one", { added: ["ALL"], dropped: ["CAP_KILL"] }, ["CAP_CHOWN", "CAP_SYS_ADMIN"]],
  ["none", { dropped: ["ALL"] }, []],
  ["none but one", { dropped: ["ALL"], added: ["CAP_KILL"] }, ["CAP_KILL"]],
  ["one that is added and dropped", { added: ["CAP_BPF"], dropped: ["CAP_BPF"] }, [...DEFAULT_CAPABILITIES, "CAP_BPF"]],
  ["all, whatever is dropped, of a privileged one", { privileged: true, dropped: ["ALL"] }, AVAILABLE],
];

for (const [why, choice, wants] of sets) {
  test(`boundingSet() gives ${why}`, (t) => t.deepEqual(boundingSet(choice, AVAILABLE), wants));
}

test("capabilitiesOfMask() names docker's default mask", (t) => {
  t.deepEqual([...capabilitiesOfMask("00000000a80425fb")].sort(), [...DEFAULT_CAPABILITIES].sort());
});

test("signalNumber() agrees with the system about every name", (t) => {
  for (const [name, number] of Object.entries(os.constants.signals)) {
    // Other names of ABRT, IO and SYS.
    if (["SIGIOT", "SIGPOLL", "SIGUNUSED"].includes(name)) continue;
    t.is(signalNumber(name), number, name);
    t.is(signalNumber(name.slice(3).toLowerCase()), number);
  }
});

test("signalNumber() takes numbers and real-time signals", (t) => {
  t.deepEqual(["9", "64", "RTMIN", "SIGRTMIN+3", "RTMAX-14", "RTMAX"].map(signalNumber), [9, 64, 34, 37, 50, 64]);
  for (const text of ["", "0", "65", "SIG", "NOPE", "RTMIN-1", "RTMAX+1", "RTMIN+31", "RTMIN+", "-9", "1.5"]) {
    t.is(signalNumber(text), undefined, text);
  }
});

test("sysctlObstacle() lets through what a container has of its own alone", (t) => {
  const own = { network: "none" };
  for (const name of ["net.ipv4.ip_forward", "kernel.shmmax", "kernel.sem", "fs.mqueue.msg_max"])
    t.is(sysctlObstacle(name, own), undefined, name);
  t.regex(sysctlObstacle("kernel.panic", own) ?? "", /whole machine/);
  t.regex(sysctlObstacle("vm.swappiness", own) ?? "", /whole machine/);
  t.regex(sysctlObstacle("net.ipv4.ip_forward", { network: "host" }) ?? "", /this machine's/);
  t.regex(sysctlObstacle("kernel.sem", { ...own, namespaces: { ipc: "host" } }) ?? "", /shared/);
  for (const name of ["net/../kernel/panic", "net..x", "net.", "net./etc", "", "net"]) t.truthy(sysctlObstacle(name, own), name);
});
