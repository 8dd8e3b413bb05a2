import test from "ava";
import { nameServers, reachableServers } from "../../../overlay/network/name-servers.js";

test("a network with names has its own server alone", (t) => {
  t.is(nameServers({ namespace: "/x", nameServer: "10.90.3.1" }), "nameserver 10.90.3.1\n");
});

test("reachableServers() leaves out servers on the loopback device", (t) => {
  const text = "search example\nnameserver 127.0.0.53\nnameserver 192.0.2.1\nnameserver ::1\noptions edns0\n";
  t.is(reachableServers(text), "search example\nnameserver 192.0.2.1\noptions edns0\n");
});
