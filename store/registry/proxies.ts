import net, { BlockList } from "node:net";
import { VarveError } from "../../core/errors.js";
import { isLoopback } from "./registry-address.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** What stands between us and a host. */
export interface Proxy {
  readonly isSecure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** `HOST:PORT`, for messages: without credentials. */
  readonly name: string;
  /** The value of Proxy-Authorization. */
  readonly authorization: string | undefined;
}

const PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/**
 * The proxy that the environment names for a URL, as curl and Go's programs read it: `HTTPS_PROXY` or `HTTP_PROXY` by the URL's scheme, and `NO_PROXY`;
 * in lower case, too. What stays on this machine goes through none.
 *
 * @throws VarveError USAGE for one that can't be used.
 */
export function proxyFor(url: URL, environment: Environment): Proxy | undefined {
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const text = valueOf(environment, name);
  if (text === "" || isLoopback(url.hostname) || isExempt(url, valueOf(environment, "NO_PROXY"))) return undefined;
  return readProxy(text, name);
}

/** The first of both that says something, as Go's programs have it. */
function valueOf(environment: Environment, name: string): string {
  return (
    [environment[name], environment[name.toLowerCase()]].map((value = "") => value.trim()).find((value) => value !== "") ?? ""
  );
}

/** The text may hold a password, and stands in no message. */
function readProxy(text: string, variable: string): Proxy {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const refuse = (state: string): never => {
    throw new VarveError("USAGE", `Cannot use the proxy of ${variable}: ${state}`, {
      hint: "Write it as http://HOST:PORT or https://HOST:PORT.",
    });
  };
  if (!URL.canParse(whole)) return refuse("it is no URL");
  const { protocol, hostname, port, username, password } = new URL(whole);
  const usual = PORTS[protocol] ?? refuse(`its scheme is ${protocol.slice(0, -1)}, wanted http or https`);
  if (hostname === "") return refuse("it has no host");
  const number = port === "" ? usual : Number(port);
  return {
    isSecure: protocol === "https:",
    hostname: bare(hostname),
    port: number,
    name: `${hostname}:${number}`,
    authorization: username === "" && password === "" ? undefined : basic(username, password, refuse),
  };
}

function basic(username: string, password: string, refuse: (state: string) => never): string {
  try {
    return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64")}`;
  } catch {
    return refuse("its credentials are not percent-encoded as URLs have it");
  }
}

/** `*`; a name, which counts for those below it, too; `.name` for those alone; an address; a network such as 10.0.0.0/8; all but a network with a port. */
function isExempt(url: URL, list: string): boolean {
  const host = bare(url.hostname.toLowerCase()).replace(/\.$/, "");
  const port = url.port === "" ? String(PORTS[url.protocol]) : url.port;
  return list
    .split(/[\s,]+/)
    .filter((rule) => rule !== "")
    .some((rule) => rule === "*" || fits(rule.toLowerCase(), host, port));
}

function fits(rule: string, host: string, port: string): boolean {
  const network = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(rule);
  if (network !== null) return isWithin(host, network[1]!, Number(network[2]));
  const [, bracketed, named, wantedPort] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(rule) ?? [];
  const name = bracketed ?? named ?? rule;
  if (wantedPort !== undefined && wantedPort !== port) return false;
  if (net.isIP(host) !== 0) return isWithin(host, name, net.isIP(host) === 4 ? 32 : 128);
  const suffix = name.replace(/^\*\./, ".");
  return suffix.startsWith(".") ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`);
}

function isWithin(host: string, network: string, bits: number): boolean {
  const kind = net.isIP(network);
  if (kind === 0 || kind !== net.isIP(host) || bits > (kind === 4 ? 32 : 128)) return false;
  const family = kind === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return list.check(host, family);
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}
