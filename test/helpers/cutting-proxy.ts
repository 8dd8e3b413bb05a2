import net from "node:net";
import type { ExecutionContext } from "ava";

export interface Cut {
  /** Which way the bytes are counted. */
  readonly from: "client" | "server";
  /** After so many bytes of one connection it is broken off. */
  readonly after: number;
  /** So many connections are cut, those after them pass. */
  readonly times: number;
}

export interface CuttingProxy {
  readonly host: string;
  /** First lines and headers of the requests that passed. */
  readonly heads: readonly string[];
  readonly cuts: () => number;
}

/** A way to a server that breaks. Only connections that carry so many bytes are cut, so that small requests pass. */
export async function startCuttingProxy(t: ExecutionContext, to: string, { from, after, times }: Cut): Promise<CuttingProxy> {
  const [address = "", port = ""] = to.split(":");
  const heads: string[] = [];
  let cuts = 0;
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(port), address);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    let seen = 0;
    const pass = (side: "client" | "server", target: net.Socket) => (bytes: Buffer) => {
      if (side === "client") heads.push(...(bytes.toString("latin1").match(/^[A-Z]+ \/v2\/[^]*?\r\n\r\n/) ?? []));
      if (side === from) seen += bytes.length;
      if (cuts >= times || seen < after) return void target.write(bytes);
      cuts += 1;
      // What came before the cut arrives.
      target.write(bytes, () => setTimeout(end, 20));
      client.pause();
      upstream.pause();
    };
    client.on("data", pass("client", upstream)).on("error", end).on("close", end);
    upstream.on("data", pass("server", client)).on("error", end).on("close", end);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  return { host: `127.0.0.1:${(server.address() as net.AddressInfo).port}`, heads, cuts: () => cuts };
}
