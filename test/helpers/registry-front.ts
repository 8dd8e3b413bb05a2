import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ExecutionContext } from "ava";

/** What a front does with a request in place of passing it on. */
export type Meddling = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface RegistryFront {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** `GET /v2/…`, with its Range. */
  readonly asked: string[];
  /** The most requests of blobs that were under way at the same time. */
  mostAtOnce(): number;
}

export interface FrontSetup {
  /** @returns Whether it has answered itself. */
  readonly meddle?: Meddling;
  /** Cuts the answer to a request after so many bytes, once for each URL. */
  readonly cutAfter?: (request: IncomingMessage) => number | undefined;
  /** Milliseconds before each answer of a blob. */
  readonly delay?: number;
}

/** Stands before a registry, and does what networks do. */
export async function startFront(t: ExecutionContext, registry: string, setup: FrontSetup = {}): Promise<RegistryFront> {
  const [address, port] = registry.split(":");
  const asked: string[] = [];
  const cut = new Set<string>();
  let [atOnce, most] = [0, 0];
  const server = http.createServer((request, response) => {
    const url = request.url ?? "";
    asked.push(`${request.method} ${url}${request.headers.range === undefined ? "" : ` ${request.headers.range}`}`);
    if (setup.meddle?.(request, response) === true) return;
    const isBlob = /\/blobs\/(?:sha256:|uploads\/\S)/.test(url) && request.method !== "HEAD";
    if (isBlob) most = Math.max(most, (atOnce += 1));
    response.once("close", () => {
      if (isBlob) atOnce -= 1;
    });
    const { method, headers } = request;
    const onward = http.request({ host: address, port, method, path: url, headers, agent: false }, (answer) => {
      const after = cut.has(url) ? undefined : setup.cutAfter?.(request);
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      if (after === undefined) return void answer.pipe(response);
      cut.add(url);
      let sent = 0;
      answer.on("end", () => {
        if (sent < after) response.end();
      });
      answer.on("data", (piece: Buffer) => {
        if (sent >= after) return;
        const part = piece.subarray(0, after - sent);
        sent += part.length;
        response.write(part, () => sent >= after && setTimeout(() => response.destroy(), 50));
      });
    });
    onward.on("error", () => response.destroy());
    response.once("close", () => onward.destroy());
    if (isBlob && setup.delay !== undefined) setTimeout(() => request.pipe(onward), setup.delay);
    else request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked, mostAtOnce: () => most };
}
