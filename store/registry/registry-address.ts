import type { Socket } from "node:net";
import { VarveError } from "../../core/errors.js";
import { DEFAULT_REGISTRY, isRegistry } from "../../core/image/image-reference.js";
import { speaksTls } from "./speaks-tls.js";

/** Where a registry is, and which names credentials have for it. */
export interface RegistryAddress {
  /** As a person writes it: `docker.io`, `localhost:5000`. */
  readonly name: string;
  /** What is connected to, `HOST` or `HOST:PORT`. */
  readonly host: string;
}

/** Hosts, `HOST` or `HOST:PORT`, that may be spoken to without TLS, beside those of this machine. */
export type InsecureHosts = ReadonlySet<string>;

const HOST_OF_DEFAULT = "registry-1.docker.io";

/** @throws VarveError BAD_NAME. */
export function registryAddress(name: string): RegistryAddress {
  if (!isRegistry(name)) {
    throw new VarveError("BAD_NAME", `Cannot read ${JSON.stringify(name)} as a registry: wanted HOST or HOST:PORT`, {
      hint: "Write it without https:// and without a path, such as localhost:5000.",
    });
  }
  return { name, host: name === DEFAULT_REGISTRY || name === "index.docker.io" ? HOST_OF_DEFAULT : name };
}

/** Whether what is sent to a host never leaves this machine. */
export function isLoopback(hostname: string): boolean {
  const bare = hostname.toLowerCase().replace(/^\[|\]$/g, "");
  return bare === "localhost" || bare === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(bare);
}

/** Whether a name from outside leads to services of this machine, by whichever of its names. */
export function leadsHere(hostname: string): boolean {
  const bare = hostname.toLowerCase().replace(/\.$/, "");
  return (
    isLoopback(bare) ||
    bare.endsWith(".localhost") ||
    /^(?:0\.0\.0\.0|\[::\]|\[::ffff:(?:7f[0-9a-f]{2}|0):[0-9a-f]{1,4}\])$/.test(bare)
  );
}

/** Whether a URL's host may be spoken to without TLS. */
export function mayBePlain(url: URL, insecure: InsecureHosts): boolean {
  return isLoopback(url.hostname) || insecure.has(url.host) || insecure.has(url.hostname);
}

/**
 * The registry's URL. https, but for hosts that may be plain: such a one is asked once, by a bare handshake that sends nothing of ours, whether it
 * speaks TLS. A registry that does has to prove who it is, there as everywhere.
 */
export async function registryOrigin(
  { host }: RegistryAddress,
  insecure: InsecureHosts,
  signal: AbortSignal | undefined,
  throughProxy: (url: URL) => Promise<Socket | undefined> = () => Promise.resolve(undefined),
): Promise<URL> {
  const secure = new URL(`https://${host}/`);
  if (!mayBePlain(secure, insecure) && !insecure.has(host)) return secure;
  return (await speaksTls(secure, signal, await throughProxy(secure))) ? secure : new URL(`http://${host}/`);
}
