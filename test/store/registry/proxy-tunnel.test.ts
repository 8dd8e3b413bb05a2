// A proxy that gives a byte now and then: each is a sign of life, and nothing comes of it.
import net, { type AddressInfo } from "node:net";
import test, { type ExecutionContext } from "ava";
import { VarveError } from "../../../core/errors.js";
import { proxyFor } from "../../../store/registry/proxies.js";
import { openTunnel } from "../../../store/registry/proxy-tunnel.js";

/** Begins with what is given, and goes on with one of `more` every 20 ms. @returns Its port. */
async function dripping(t: ExecutionContext, begin: string, more: Buffer): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.write(begin);
    let at = 0;
    const timer = setInterval(() => void socket.write(more.subarray(at, ++at)), 20);
    socket.once("close", () => clearInterval(timer));
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

test("a proxy whose answer never ends does not answer", async (t) => {
  const port = await dripping(t, "HTTP/1.1 200 OK\r\nx: ", Buffer.alloc(10_000, "y"));
  const proxy = proxyFor(new URL("https://registry.test/"), { HTTPS_PROXY: `http://127.0.0.1:${port}` })!;
  const options = { proxy, trust: () => undefined, signal: new AbortController().signal, patience: 200 };
  const error = await t.throwsAsync(openTunnel("registry.test:443", options), { instanceOf: VarveError });
  t.is(error.code, "REGISTRY_UNREACHABLE");
  t.regex(error.message, /stands before it, and it does not answer$/);
});
