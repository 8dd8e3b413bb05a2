import { documentOf } from "./answer-body.js";
import type { Challenge } from "./challenge.js";
import type { Connections } from "./connections.js";
import type { Credentials } from "./credentials/credentials.js";
import { exchange, type Body, type Exchange } from "./exchange.js";
import { isLoopback, mayBePlain, type InsecureHosts } from "./registry-address.js";
import { denied, invalidAnswer, wrongCredentials } from "./registry-fault.js";
import { objectOf, readJsonObject, type JsonObject } from "./read-json.js";
import { requireNow, retried, type Patience } from "./retry.js";

/** Where tokens for a registry come from. */
export interface TokenServer {
  readonly realm: URL;
  readonly service: string | undefined;
}

export interface Token {
  readonly text: string;
  /** Milliseconds of `Date.now()`. */
  readonly until: number;
  /** In place of a password, when one was asked for. */
  readonly identity: string | undefined;
}

export interface TokenRequest {
  readonly server: TokenServer;
  /** Such as `repository:team/app:pull`. */
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  /** At login: asks for an identity, to be kept in place of the password. */
  readonly wantsIdentity?: boolean;
}

const CLIENT = "varve";
const LARGEST_ANSWER_BYTES = 128 << 10;
/** Servers take no larger header. */
const LONGEST_TOKEN = 12 << 10;
/** What a token is good for when its server does not say. */
const USUAL_SECONDS = 60;
/** It must not run out on the way. */
const RESERVE_SECONDS = 10;

/**
 * The realm of a challenge is told by whoever answered: over TLS the registry itself, over plain HTTP anybody. So credentials go to https alone; for
 * a plain registry, to its own host, or from this machine to this machine.
 *
 * @throws VarveError REGISTRY_INVALID.
 */
export function tokenServer({ parameters }: Challenge, origin: URL, insecure: InsecureHosts): TokenServer {
  const text = parameters.get("realm") ?? "";
  if (!URL.canParse(text)) throw invalidAnswer(origin.host, "it names no token server");
  const realm = new URL(text);
  const isOwnHost = realm.hostname === origin.hostname || (isLoopback(realm.hostname) && isLoopback(origin.hostname));
  const isPlainAllowed = realm.protocol === "http:" && origin.protocol === "http:" && mayBePlain(realm, insecure);
  if (realm.protocol !== "https:" && !isPlainAllowed) {
    throw invalidAnswer(origin.host, `its token server ${realm.protocol}//${realm.host} has no TLS`);
  }
  if (origin.protocol === "http:" && !isOwnHost) {
    throw invalidAnswer(origin.host, `it has no TLS and sends credentials elsewhere, to ${realm.host}`);
  }
  if (realm.username !== "" || realm.password !== "") throw invalidAnswer(origin.host, "its token server's URL has a password");
  return { realm, service: parameters.get("service") };
}

/** @throws VarveError REGISTRY_DENIED, REGISTRY_INVALID, REGISTRY_UNREACHABLE. */
export async function requestToken(
  request: TokenRequest,
  registry: string,
  connections: Connections,
  patience: Patience,
): Promise<Token> {
  const { host } = request.server.realm;
  const idleMilliseconds = patience.pace.idle;
  const words = { ...wordsOf(request), signal: patience.signal, idleMilliseconds };
  const { answer, bytes } = await retried(host, patience, async () => {
    const found = requireNow(host, await exchange(connections, words));
    return { answer: found, bytes: await documentOf(found, "its token", { largest: LARGEST_ANSWER_BYTES, idleMilliseconds }) };
  });
  if (answer.status === 200) return tokenOf(readJsonObject(bytes, host, "its token"), host);
  if (![400, 401, 403].includes(answer.status)) {
    throw invalidAnswer(host, `its token server answers with status ${answer.status}`);
  }
  throw request.credentials === undefined ? denied(registry, "it wants a login") : wrongCredentials(registry, "its token server");
}

function wordsOf({
  server,
  scopes,
  credentials,
  wantsIdentity = false,
}: TokenRequest): Omit<Exchange, "signal" | "idleMilliseconds"> {
  const service: readonly (readonly [string, string])[] = server.service === undefined ? [] : [["service", server.service]];
  const headers = { accept: "application/json", "accept-encoding": "identity", "user-agent": CLIENT };
  if (credentials?.kind === "identity") {
    const form = new URLSearchParams([
      ["grant_type", "refresh_token"],
      ["refresh_token", credentials.token],
      ["client_id", CLIENT],
      ["scope", scopes.join(" ")],
      ...service.map(([name, value]) => [name, value] as [string, string]),
    ]);
    const type = { "content-type": "application/x-www-form-urlencoded" };
    return { method: "POST", url: server.realm, headers: { ...headers, ...type }, body: bodyOf(Buffer.from(form.toString())) };
  }
  const url = new URL(server.realm);
  for (const [name, value] of service) url.searchParams.append(name, value);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  url.searchParams.append("client_id", CLIENT);
  if (wantsIdentity) url.searchParams.append("offline_token", "true");
  if (credentials?.kind !== "password") return { method: "GET", url, headers };
  url.searchParams.append("account", credentials.username);
  return { method: "GET", url, headers: { ...headers, authorization: basicHeader(credentials) } };
}

export function bodyOf(bytes: Uint8Array): Body {
  return {
    length: bytes.length,
    async *open() {
      yield bytes;
    },
  };
}

export function basicHeader({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function tokenOf(answer: JsonObject, host: string): Token {
  const { token, access_token: accessToken, expires_in: lasts, refresh_token: identity } = objectOf(answer);
  const text = typeof token === "string" && token !== "" ? token : accessToken;
  if (typeof text !== "string" || !isToken(text)) throw invalidAnswer(host, "its token server gave no token");
  const seconds = typeof lasts === "number" && lasts > 0 ? lasts : USUAL_SECONDS;
  return {
    text,
    until: Date.now() + Math.max(0, seconds - RESERVE_SECONDS) * 1000,
    identity: typeof identity === "string" && isToken(identity) ? identity : undefined,
  };
}

/** What fits into a header, and into no more than a header. */
export function isToken(text: string): boolean {
  return text.length <= LONGEST_TOKEN && /^[\x21-\x7e]+$/.test(text);
}
