import http, { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { once } from "node:events";
import { VarveError } from "../../core/errors.js";
import type { Connections } from "./connections.js";
import type { Proxy } from "./proxies.js";
import { authorizationOf } from "./proxy-tunnel.js";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

/** What is sent with a request. It may be asked for again. */
export interface Body {
  /** Bytes. */
  readonly length: number;
  open(): AsyncIterable<Uint8Array>;
}

export interface Exchange {
  readonly method: Method;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Body | undefined;
  readonly signal: AbortSignal;
  /** How long nothing may come or go. */
  readonly idleMilliseconds: number;
}

/** The head of an answer. Its body must be read to its end, or dismissed. */
export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly message: IncomingMessage;
}

/** Larger heads break the connection. Node's own default, said here since NODE_OPTIONS can change it. */
const LARGEST_HEAD_BYTES = 16 << 10;

/**
 * One request and the head of its answer. Nothing is followed, decoded, retried or added: what stands in `headers` is what is sent.
 *
 * @throws Node's errors of sockets and TLS; VarveError SOURCE_CHANGED for a body that has not its length; what `body` throws.
 */
export async function exchange(connections: Connections, request: Exchange): Promise<Answer> {
  const { method, url, headers, body, signal, idleMilliseconds } = request;
  const forwarder = connections.forwarderOf(url);
  const isSecure = url.protocol === "https:" || forwarder?.isSecure === true;
  const outgoing = (isSecure ? https : http).request(url, {
    ...(forwarder && placeOf(forwarder, url)),
    method,
    headers: { ...headers, ...lengthHeader(method, body), ...(forwarder && { host: url.host, ...authorizationOf(forwarder) }) },
    agent: connections.agentFor(url),
    signal,
    timeout: idleMilliseconds,
    maxHeaderSize: LARGEST_HEAD_BYTES,
    insecureHTTPParser: false,
  });
  const slow = (): unknown => outgoing.destroy(timedOut());
  outgoing.on("timeout", slow);
  // A head that comes byte by byte is no reason to wait forever.
  let deadline: NodeJS.Timeout | undefined;
  outgoing.once("finish", () => (deadline = setTimeout(slow, 2 * idleMilliseconds)));
  try {
    const message = await answered(outgoing, body);
    // From here on whoever reads the body has the clock: a slow reader is no dead server.
    outgoing.setTimeout(0);
    return { url, status: message.statusCode ?? 0, headers: message.headers, message };
  } catch (error) {
    outgoing.destroy();
    throw error;
  } finally {
    clearTimeout(deadline);
    // What comes after the answer's head belongs to its reader.
    outgoing.off("timeout", slow);
    outgoing.on("error", () => undefined);
  }
}

/** A proxy without TLS behind it gets the whole URL. */
function placeOf({ isSecure, hostname, port }: Proxy, url: URL): RequestOptions {
  const path = `${url.origin}${url.pathname}${url.search}`;
  return { protocol: isSecure ? "https:" : "http:", host: hostname, hostname, port, path };
}

function lengthHeader(method: Method, body: Body | undefined): Readonly<Record<string, string>> {
  if (body !== undefined) return { "content-length": String(body.length) };
  return ["POST", "PUT", "PATCH"].includes(method) ? { "content-length": "0" } : {};
}

/** An answer may come before all of the body is sent, such as a refusal: then no more is sent. */
async function answered(outgoing: ClientRequest, body: Body | undefined): Promise<IncomingMessage> {
  const state = { isOver: false };
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
    outgoing.once("close", () => reject(Object.assign(new RangeError("no answer came"), { code: "ECONNRESET" })));
  });
  const over = answer.then(
    () => void (state.isOver = true),
    () => void (state.isOver = true),
  );
  if (body === undefined) outgoing.end();
  else {
    const sent = send(outgoing, body, state, over);
    // A source that fails ends the request; one that is cut short by an answer does not matter.
    await Promise.race([sent, over]);
  }
  return answer;
}

async function send(
  outgoing: ClientRequest,
  body: Body,
  state: { readonly isOver: boolean },
  over: Promise<void>,
): Promise<void> {
  let left = body.length;
  for await (const piece of namedSource(body)) {
    if (state.isOver) return;
    left -= piece.length;
    if (left < 0) throw changed();
    if (!outgoing.write(piece)) await Promise.race([once(outgoing, "drain").catch(() => undefined), over]);
  }
  if (left !== 0) throw changed();
  if (!state.isOver) outgoing.end();
}

/** What is wrong with our own side is no failure of the network, though both may be called EIO. */
export class SourceFailure {
  readonly cause: unknown;

  constructor(cause: unknown) {
    this.cause = cause;
  }
}

async function* namedSource(body: Body): AsyncGenerator<Uint8Array> {
  try {
    yield* body.open();
  } catch (error) {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- it never leaves this folder
    throw new SourceFailure(error);
  }
}

function changed(): VarveError {
  return new VarveError("SOURCE_CHANGED", "Cannot send the blob: it has not as many bytes as before", {
    hint: "Run the command again. If it happens again: varve fsck",
  });
}

export function timedOut(): RangeError {
  return Object.assign(new RangeError("nothing came for too long"), { code: "ETIMEDOUT" });
}
