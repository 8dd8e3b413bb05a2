import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import tls, { type ConnectionOptions as TlsOptions } from "node:tls";
import type { Duplex } from "node:stream";
import { VarveError } from "../../core/errors.js";
import type { Proxy } from "./proxies.js";
import { unreachable } from "./registry-fault.js";

/** The code of a failure that may pass: `Setbacks` knows it. */
const PROXY_BUSY = "EPROXYBUSY";
const PATIENCE_MILLISECONDS = 30_000;
/** Of a proxy's refusal. Node's own default, said here since NODE_OPTIONS can change it. */
const LARGEST_HEAD_BYTES = 16 << 10;

export interface TunnelOptions {
  readonly proxy: Proxy;
  /** What a proxy with TLS proves itself by. */
  readonly trust: () => TlsOptions["secureContext"];
  readonly signal: AbortSignal;
  /** How long nothing may come, in milliseconds; all of the answer may take twice as long. */
  readonly patience?: number;
}

/**
 * A way through the proxy to a host: what goes through it the proxy can't read, where it is TLS.
 *
 * @param target `HOST:PORT`.
 * @throws VarveError REGISTRY_UNREACHABLE, REGISTRY_DENIED when the proxy refuses it.
 */
export function openTunnel(
  target: string,
  { proxy, trust, signal, patience = PATIENCE_MILLISECONDS }: TunnelOptions,
): Promise<Socket> {
  const request = (proxy.isSecure ? https : http).request({
    host: proxy.hostname,
    port: proxy.port,
    method: "CONNECT",
    path: target,
    headers: { host: target, "user-agent": "varve", ...authorizationOf(proxy) },
    agent: false,
    timeout: patience,
    signal,
    maxHeaderSize: LARGEST_HEAD_BYTES,
    insecureHTTPParser: false,
    ...(proxy.isSecure && { secureContext: trust(), ALPNProtocols: ["http/1.1"] }),
  });
  let deadline: NodeJS.Timeout | undefined;
  const tunnel = new Promise<Socket>((resolve, reject) => {
    const fail = (state: string, cause?: unknown): void => {
      request.destroy();
      reject(proxyFault(target, proxy, state, cause));
    };
    request.once("connect", ({ statusCode = 0 }, socket, head) => {
      // Nothing of a server may come before we have said anything.
      if (statusCode === 200 && head.length === 0) return resolve(socket);
      socket.destroy();
      reject(statusCode === 200 ? proxyFault(target, proxy, "it is no proxy") : refusal(target, proxy, statusCode));
    });
    request.once("response", ({ statusCode = 0 }) => {
      request.destroy();
      reject(refusal(target, proxy, statusCode));
    });
    const slow = (): void => fail("it does not answer");
    request.once("timeout", slow);
    // A head that comes byte by byte is no reason to wait forever.
    deadline = setTimeout(slow, 2 * patience);
    request.once("error", (error) => fail(stateOf(error), error));
    request.end();
  });
  return tunnel.finally(() => clearTimeout(deadline));
}

export function authorizationOf({ authorization }: Proxy): Readonly<Record<string, string>> {
  return authorization === undefined ? {} : { "proxy-authorization": authorization };
}

type Made = (error: Error | null, stream?: Duplex) => void;

/** Connections to one host with TLS, each through a tunnel of its own. */
export class TunnelAgent extends https.Agent {
  readonly #options: TunnelOptions;

  constructor(agentOptions: https.AgentOptions, options: TunnelOptions) {
    super(agentOptions);
    this.#options = options;
  }

  override createConnection(options: https.RequestOptions, made: Made): undefined {
    const host = String(options.host);
    const target = `${host.includes(":") ? `[${host}]` : host}:${options.port ?? 443}`;
    openTunnel(target, this.#options).then(
      (socket) => made(null, tls.connect({ ...(options as TlsOptions), socket })),
      (error: unknown) => made(error as Error),
    );
    return undefined;
  }
}

/** What says "later": the host may be there in a moment, or the proxy may have time. */
const LATER = new Set([408, 429, 500, 502, 503, 504]);

function refusal(target: string, proxy: Proxy, status: number): Error {
  if (LATER.has(status)) return Object.assign(new RangeError(`the proxy answers with status ${status}`), { code: PROXY_BUSY });
  if (status !== 407) return proxyFault(target, proxy, `it refuses the connection with status ${status}`);
  const state = proxy.authorization === undefined ? "it wants credentials" : "it refuses the credentials";
  return new VarveError("REGISTRY_DENIED", `Cannot reach ${JSON.stringify(target)} through the proxy ${proxy.name}: ${state}`, {
    hint: "Write them into the proxy's URL: HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT.",
  });
}

function proxyFault(target: string, { name }: Proxy, state: string, cause?: unknown): VarveError {
  const hint = "The proxy is that of HTTPS_PROXY or HTTP_PROXY. NO_PROXY names hosts that need none.";
  return unreachable(target, `the proxy ${name} stands before it, and ${state}`, hint, cause);
}

const STATES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "no host has that name",
  ECONNRESET: "it broke off the connection",
};

/** Node's own text may hold what was sent. */
function stateOf(error: Error): string {
  const { code } = error as { code?: unknown };
  const known = typeof code === "string" ? code : "no code";
  return STATES[known] ?? `the connection to it fails (${known})`;
}
