import http, { type IncomingMessage, type ServerResponse } from "node:http";
import net, { type AddressInfo } from "node:net";
import type { ExecutionContext } from "ava";
import { VarveError } from "../../core/errors.js";
import type { Credentials } from "../../store/registry/credentials/credentials.js";
import type { Pace } from "../../store/registry/pace.js";
import { RegistryClient } from "../../store/registry/registry-client.js";

export interface Served {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** All that came, heads and bodies. */
  readonly received: string[];
}

/** What must arrive at the registry that it is for, and nowhere else, and stand in no message. */
export const CANARY = "canary-2f61";
export const CANARY_CREDENTIALS: Credentials = { kind: "password", username: "user", password: CANARY };
const CANARY_FORMS = [CANARY, Buffer.from(`user:${CANARY}`).toString("base64")];

/** So quick that a test need not wait. */
export const QUICK: Pace = { attempts: 3, firstDelay: 1, longestDelay: 2, longestWait: 100, idle: 1500 };

export type Answer = (request: IncomingMessage, response: ServerResponse, self: Served) => void;

/** A server that answers whatever a test wants. */
export async function serve(t: ExecutionContext, answer: Answer): Promise<Served> {
  const received: string[] = [];
  const server = http.createServer((request, response) => {
    received.push(`${request.method} ${request.url}\n${request.rawHeaders.join("\n")}`);
    request.on("data", (bytes: Buffer) => received.push(bytes.toString("latin1").slice(0, 10_000)));
    response.on("error", () => undefined);
    answer(request, response, self);
  });
  const self: Served = { host: await listen(t, server), received };
  t.teardown(() => server.closeAllConnections());
  return self;
}

/** A server that is none: it answers each connection's first bytes with those. */
export async function serveBytes(t: ExecutionContext, bytes: string | Buffer | undefined): Promise<Served> {
  const received: string[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      received.push(data.toString("latin1"));
      if (bytes === undefined) return;
      // A handshake of TLS gets what a server of plain HTTP gives it: an end.
      if (data[0] === 0x16) socket.destroy();
      else socket.end(bytes);
    });
  });
  const host = await listen(t, server);
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  return { host, received };
}

async function listen(t: ExecutionContext, server: net.Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function clientWithCanary(t: ExecutionContext, { host }: Served, chunkBytes: number = 1 << 20): RegistryClient {
  const credentials = (): Promise<Credentials> => Promise.resolve(CANARY_CREDENTIALS);
  const client = new RegistryClient(host, "team/app", { environment: {}, credentials, pace: QUICK, chunkBytes });
  t.teardown(() => client.close());
  return client;
}

/** Whether a secret stands in what was received, or said. */
export function hasCanary(text: string): boolean {
  return CANARY_FORMS.some((form) => text.includes(form));
}

/** All that a person or a log may see of a failure. */
export function toldOf(error: unknown): string {
  if (!(error instanceof VarveError)) return String(error);
  const { cause } = error;
  return [
    error.message,
    error.hint,
    error.path,
    error.stack,
    cause instanceof Error ? cause.stack : "",
    JSON.stringify(cause),
  ].join("\n");
}
