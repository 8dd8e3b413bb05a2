import http from "node:http";
import https from "node:https";
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

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #newAgent(url: URL): http.Agent {
    const options = { keepAlive: true, maxSockets: MOST_A_HOST };
    if (url.protocol === "http:") return new http.Agent(options);
    return new https.Agent({ ...options, secureContext: trustFor(url.host, this.#environment, this.#folders) });
  }
}
