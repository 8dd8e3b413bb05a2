import { VarveError } from "../../core/errors.js";
import { interruptionSignal } from "../../core/yield-to-signals.js";
import { answerPieces } from "../registry/answer-body.js";
import { Connections } from "../registry/connections.js";
import { exchange, type Answer } from "../registry/exchange.js";
import { isLoopback, leadsHere } from "../registry/registry-address.js";

const MOST_REDIRECTS = 5;
const LONGEST_URL = 8192;
/** How long nothing may come. */
const IDLE_MILLISECONDS = 60_000;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * What an http or https URL gives, from its first byte. Nothing of ours is sent along, and redirects never lead from https to http, nor from elsewhere to this
 * machine.
 *
 * @throws VarveError USAGE for a URL that can't be read, SOURCE_MISSING, SOURCE_UNREADABLE; while it is read SOURCE_UNREADABLE when the connection ends early,
 *   or nothing comes for `idleMilliseconds`; INTERRUPTED.
 */
export async function openDownload(
  text: string,
  idleMilliseconds: number = IDLE_MILLISECONDS,
): Promise<AsyncIterable<Uint8Array>> {
  const connections = new Connections({});
  let url = parsed(text);
  for (let redirects = 0; ; redirects += 1) {
    const answer = await get(connections, url, idleMilliseconds);
    if (answer.status === 200) return bytesOf(answer, connections, idleMilliseconds);
    answer.message.destroy();
    const { location } = answer.headers;
    if (!REDIRECTS.has(answer.status) || location === undefined) {
      connections.close();
      throw refused(url, answer.status);
    }
    if (redirects === MOST_REDIRECTS) throw unreadable(url, `it leads on more than ${MOST_REDIRECTS} times`);
    url = next(url, location);
  }
}

async function get(connections: Connections, url: URL, idleMilliseconds: number): Promise<Answer> {
  try {
    const headers = { accept: "*/*" };
    return await exchange(connections, {
      method: "GET",
      url,
      headers,
      signal: interruptionSignal(),
      idleMilliseconds,
    });
  } catch (error) {
    connections.close();
    throw failure(url, error);
  }
}

async function* bytesOf(answer: Answer, connections: Connections, idleMilliseconds: number): AsyncGenerator<Uint8Array> {
  try {
    yield* answerPieces(answer, idleMilliseconds);
  } catch (error) {
    throw failure(answer.url, error);
  } finally {
    connections.close();
  }
}

function parsed(text: string): URL {
  if (text.length <= LONGEST_URL && URL.canParse(text)) {
    const url = new URL(text);
    if (url.username === "" && url.password === "") return url;
  }
  throw new VarveError("USAGE", "Cannot read the URL: wanted http://HOST/PATH or https://HOST/PATH, without a password", {
    hint: "With a password, have another program fetch it, and send it on through a pipe.",
  });
}

function next(from: URL, location: string): URL {
  if (location.length > LONGEST_URL || !URL.canParse(location, from.href)) throw unreadable(from, "it leads to no URL");
  const to = new URL(location, from);
  if (to.protocol !== "https:" && to.protocol !== "http:") throw unreadable(from, `it leads to a ${to.protocol} URL`);
  if (to.protocol === "http:" && from.protocol === "https:") throw unreadable(from, "it leads from https to http");
  if (to.username !== "" || to.password !== "") throw unreadable(from, "it leads to a URL with a password");
  if (leadsHere(to.hostname) && !isLoopback(from.hostname)) throw unreadable(from, `it leads to this machine, ${to.host}`);
  return to;
}

function refused(url: URL, status: number): VarveError {
  if (status !== 404 && status !== 410) return unreadable(url, `the server answers with status ${status}`);
  return new VarveError("SOURCE_MISSING", `Cannot find "${url.href}": the server has nothing there (${status})`);
}

function unreadable(url: URL, state: string, cause?: unknown): VarveError {
  return new VarveError("SOURCE_UNREADABLE", `Cannot read "${url.href}": ${state}`, { cause });
}

function failure(url: URL, error: unknown): unknown {
  if (interruptionSignal().aborted) return new VarveError("INTERRUPTED", "Cannot finish the transfer: it was interrupted");
  if (error instanceof VarveError) return error;
  const { code = "" } = error as NodeJS.ErrnoException;
  const states: Readonly<Record<string, string>> = {
    ECONNREFUSED: "nothing listens there",
    ENOTFOUND: "there is no such host",
    EAI_AGAIN: "its host's name can't be looked up now",
    ECONNRESET: "the connection ended early",
    ETIMEDOUT: "nothing came for too long",
  };
  return unreadable(url, states[code] ?? (error as Error).message, error);
}
