import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import type tls from "node:tls";
import { proxyFor, type Proxy } from "./proxies.js";
import { openTunnel, TunnelAgent, type TunnelOptions } from "./proxy-tunnel.js";
import { CERTIFICATE_FOLDERS, trustFor } from "./trusted-certificates.js";

export interface ConnectionOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly certificateFolders?: readonly string[];
}

/** Beyond that, requests to one host wait for another's end. How many transfers there are at a time is the caller's to say. */
const MOST_A_HOST = 32;

/** Connections that are kept open and used again. Each host has its own trust: a client certificate is shown to the host that it is for. */
export class Connections {
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #folders: readonly string[];
  readonly #agents = new Map<string, http.Agent>();
  readonly #closing = new AbortController();

  constructor({ environment = process.env, certificateFolders = CERTIFICATE_FOLDERS }: ConnectionOptions) {
    this.#environment = environment;
    this.#folders = certificateFolders;
  }

  agentFor(url: URL): http.Agent {
    const known = this.#agents.get(url.origin);
    if (known !== undefined) return known;
    const agent = this.#newAgent(url);
    this.#agents.set(url.origin, agent);
    return agent;
  }

  /** The proxy that gets the request itself, for a URL without TLS: with TLS it gives a tunnel, which agents know of. */
  forwarderOf(url: URL): Proxy | undefined {
    return url.protocol === "http:" ? proxyFor(url, this.#environment) : undefined;
  }

  /** Where a proxy stands before a host with TLS, a bare connection through it. */
  async throughProxy(url: URL): Promise<Socket | undefined> {
    const proxy = proxyFor(url, this.#environment);
    return proxy === undefined ? undefined : openTunnel(hostAndPort(url), this.#tunnel(proxy));
  }

  close(): void {
    this.#closing.abort();
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #newAgent(url: URL): http.Agent {
    const options = { keepAlive: true, maxSockets: MOST_A_HOST };
    const proxy = proxyFor(url, this.#environment);
    if (url.protocol === "http:") {
      if (proxy?.isSecure !== true) return new http.Agent(options);
      return new https.Agent({ ...options, secureContext: this.#trust(proxy.name) });
    }
    const secure = { ...options, secureContext: this.#trust(url.host) };
    return proxy === undefined ? new https.Agent(secure) : new TunnelAgent(secure, this.#tunnel(proxy));
  }

  #tunnel(proxy: Proxy): TunnelOptions {
    return { proxy, trust: () => this.#trust(proxy.name), signal: this.#closing.signal };
  }

  #trust(host: string): tls.SecureContext {
    return trustFor(host, this.#environment, this.#folders);
  }
}

function hostAndPort(url: URL): string {
  return `${url.hostname}:${url.port === "" ? 443 : url.port}`;
}
