import http, { type IncomingMessage } from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";
import type { ExecutionContext } from "ava";

export interface LocalProxySetup {
  /** `HOST:PORT` that clients ask for, and where that is. Others it does not know. */
  readonly hosts: Readonly<Record<string, string>>;
  /** `NAME:PASSWORD` that it wants. */
  readonly credentials?: string;
  /** Statuses that it answers first. */
  readonly first?: readonly number[];
}

export interface LocalProxy {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** `CONNECT HOST:PORT`, `GET http://HOST/…`. */
  readonly asked: string[];
}

/** A proxy that opens tunnels, and forwards what comes without TLS. */
export async function startProxy(t: ExecutionContext, setup: LocalProxySetup): Promise<LocalProxy> {
  const asked: string[] = [];
  const first = [...(setup.first ?? [])];
  const sockets = new Set<Socket>();
  const wanted = setup.credentials && `Basic ${Buffer.from(setup.credentials).toString("base64")}`;
  const refusal = ({ headers, method, url }: IncomingMessage): number | undefined => {
    asked.push(`${method ?? ""} ${url ?? ""}`);
    if (wanted !== undefined && headers["proxy-authorization"] !== wanted) return 407;
    return first.shift();
  };
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? "");
    const place = setup.hosts[url.host];
    const status = refusal(request) ?? (place === undefined ? 502 : undefined);
    if (status !== undefined) return void response.writeHead(status).end();
    const [host, port] = place!.split(":");
    const { "proxy-authorization": _, ...headers } = request.headers;
    const onward = http.request(
      { host, port, method: request.method, path: `${url.pathname}${url.search}`, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("connect", (request: IncomingMessage, socket: Socket) => {
    socket.on("error", () => undefined);
    const place = setup.hosts[request.url ?? ""];
    const status = refusal(request) ?? (place === undefined ? 502 : undefined);
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
    const [host, port] = place!.split(":");
    const onward = net.connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(onward).pipe(socket);
    });
    sockets.add(onward);
    onward.on("error", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
