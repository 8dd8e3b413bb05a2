import { createServer } from "node:net";
import { once } from "node:events";
import test from "ava";
import type { PublishedPort } from "../../../core/ports/endpoints.js";
import { VarveError } from "../../../core/errors.js";
import { parseForwarded, requireFreePorts } from "../../../overlay/network/host-ports.js";
import { tryPort } from "../../../linux/listening-socket.js";
import { parseAddress } from "../../../overlay/network/ipv4.js";

const LOOPBACK = parseAddress("127.0.0.1")!;

function port(hostPort: number, hostAddress = "127.0.0.1"): PublishedPort {
  return { hostAddress, hostPort, containerPort: 80, protocol: "tcp" };
}

test("parseForwarded() reads netavark's rules", (t) => {
  const rules = `-N NETAVARK-HOSTPORT-DNAT
-A NETAVARK-HOSTPORT-DNAT -p tcp -m tcp --dport 18080 -m comment --comment "dnat name: lab id: aaaaaaaaaaaa" -j NETAVARK-DN-BD59
-A NETAVARK-HOSTPORT-DNAT -p udp -m udp --dport 53 -m comment --comment "dnat name: lab id: bb" -j NETAVARK-DN-BD59
`;
  t.deepEqual(parseForwarded(rules), [
    { protocol: "tcp", port: 18080, id: "aaaaaaaaaaaa" },
    { protocol: "udp", port: 53, id: "bb" },
  ]);
});

test("a port that a process listens on is refused, and taken once it is free", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: taken } = server.address() as { port: number };
  const error = t.throws(() => requireFreePorts([port(taken)], []), { instanceOf: VarveError });
  t.is(error.code, "ADDRESS_TAKEN");
  t.is(error.message, `Cannot publish port 127.0.0.1:${taken}/tcp: a process of this machine has it`);
  t.throws(() => requireFreePorts([port(taken, "")], []), { message: /a process of this machine has it/ });
  server.close();
  await once(server, "close");
  t.deepEqual(requireFreePorts([port(taken)], []), [port(taken)]);
});

test("a port of an address that this machine has not is refused", (t) => {
  t.throws(() => requireFreePorts([port(18_080, "198.51.100.7")], []), { message: /this machine has no such address/ });
});

test("a free port is chosen where any will do, and none twice", (t) => {
  const [first, second] = requireFreePorts([port(0), port(0)], []);
  t.true(first!.hostPort >= 32_768);
  t.not(first!.hostPort, second!.hostPort);
  t.notThrows(() => tryPort("tcp", LOOPBACK, first!.hostPort));
});
