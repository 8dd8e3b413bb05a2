import { setTimeout as sleep } from "node:timers/promises";
import { VarveError } from "../../core/errors.js";
import type { RegistryOptions } from "../../core/ports/registries.js";
import { systemFailure } from "../system-failure.js";
import { dismiss } from "./answer-body.js";
import { SourceFailure, type Answer } from "./exchange.js";
import { delayBeforeRetry, retryAfter, type Pace } from "./pace.js";
import { invalidAnswer, unreachable } from "./registry-fault.js";

export interface Patience {
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly onSetback?: RegistryOptions["onSetback"];
}

/** What says "later": too many requests, a server that is down, restarts, or has no time. */
const LATER = new Set([408, 429, 500, 502, 503, 504]);
/** The first connection tells whether a host is there: trying again would only hide a misspelled name for a while. */
const ABSENT = new Set(["ENOTFOUND", "ECONNREFUSED"]);
const NO_TLS = new Set(["EPROTO", "ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG"]);
const UNTRUSTED =
  /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|ERR_TLS_CERT_ALTNAME_INVALID|ERR_SSL_(?:TLSV1|SSLV3)_ALERT)/;

/**
 * What an attempt gives. Network failures, and answers that `requireNow` refuses, are tried again after a while.
 *
 * @throws VarveError REGISTRY_UNREACHABLE, REGISTRY_INVALID, INTERRUPTED; what `attempt` throws that is none of the network.
 */
export async function retried<Result>(host: string, patience: Patience, attempt: () => Promise<Result>): Promise<Result> {
  const setbacks = new Setbacks(host, patience);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await setbacks.after(error);
    }
  }
}

/** @throws Later for an answer that says so. */
export function requireNow(host: string, answer: Answer): Answer {
  if (!LATER.has(answer.status)) return answer;
  dismiss(answer);
  throw new Later(host, answer);
}

/** What may be otherwise at the next try. */
export class PassingFault extends VarveError {
  /** Milliseconds that the server asks for; 0 when it does not. */
  readonly wait: number = 0;
}

/** A server that is there, and has no time. */
class Later extends PassingFault {
  override readonly wait: number;

  constructor(host: string, { status, headers }: Answer) {
    const wait = retryAfter(headers["retry-after"]) ?? 0;
    const asks = wait === 0 ? "" : ` and asks to wait ${Math.round(wait / 1000).toLocaleString("en-US")} seconds`;
    const state = status === 429 ? "it has too many requests (429)" : `it can't answer now (${status})`;
    super("REGISTRY_UNREACHABLE", `Cannot reach the registry ${JSON.stringify(host)}: ${state}${asks}`, {
      hint: "Run the command again later.",
    });
    this.wait = wait;
  }
}

/** What goes wrong on the way of one transfer: counted, and waited for. */
export class Setbacks {
  readonly #host: string;
  readonly #patience: Patience;
  #failures = 0;

  constructor(host: string, patience: Patience) {
    this.#host = host;
    this.#patience = patience;
  }

  /**
   * Returns when it is time to try again.
   *
   * @param has `progressed`: something was brought forward since the last setback; `begun`: the server was there before.
   * @throws The failure, as a VarveError, when it will not pass or has not passed; what is no failure of the network, at once.
   */
  async after(error: unknown, has: { readonly progressed?: boolean; readonly begun?: boolean } = {}): Promise<void> {
    const { pace, signal, onSetback } = this.#patience;
    const isPassing = error instanceof PassingFault;
    const { fault, mayPass, isAbsence } = isPassing ? new NetworkFailure(error, true) : networkFailure(this.#host, error, signal);
    const wait = isPassing ? error.wait : 0;
    this.#failures = has.progressed === true ? 1 : this.#failures + 1;
    const isHopeless = !mayPass && !(isAbsence && has.begun === true);
    if (isHopeless || this.#failures >= pace.attempts || wait > pace.longestWait) throw final(fault);
    // Its own wish, and a random part of ours, so that many clients do not come back at once.
    const milliseconds = delayBeforeRetry(pace, this.#failures, wait);
    onSetback?.({ reason: fault.message, milliseconds });
    await sleep(milliseconds, undefined, { signal }).catch(() => throwInterrupted());
  }
}

/** What has been tried often enough here is not tried again by who asked for it. */
function final({ code, message, hint, cause }: VarveError): VarveError {
  return new VarveError(code, message, { hint, cause });
}

/** A failure of a connection, as what it means to a person. */
class NetworkFailure {
  readonly fault: VarveError;
  /** Whether it may be another in a moment. */
  readonly mayPass: boolean;
  /** Whether nobody was there, which passes only where somebody was there before. */
  readonly isAbsence: boolean;

  constructor(fault: VarveError, mayPass: boolean, isAbsence = false) {
    this.fault = fault;
    this.mayPass = mayPass;
    this.isAbsence = isAbsence;
  }
}

/** @throws What is no failure of a connection, such as a mistake of ours; VarveError INTERRUPTED. */
function networkFailure(host: string, error: unknown, signal: AbortSignal): NetworkFailure {
  if (signal.aborted) throwInterrupted();
  if (error instanceof SourceFailure) throw error.cause;
  if (error instanceof VarveError) throw error;
  const { code: known } = error as { code?: unknown };
  const code = typeof known === "string" ? known : "";
  if (code.startsWith("HPE_")) return new NetworkFailure(invalidAnswer(host, `it is no HTTP (${code})`), false);
  if (UNTRUSTED.test(code)) return new NetworkFailure(untrusted(host, code, error), false);
  if (NO_TLS.has(code)) {
    const hint = "Varve speaks without TLS only to this machine, and to hosts that are named as insecure.";
    return new NetworkFailure(unreachable(host, "it does not speak TLS", hint, error), false);
  }
  if (!/^E[A-Z0-9_]+$/.test(code)) throw error;
  // Of this process or machine, and nothing of the network.
  if (code === "EMFILE" || code === "ENFILE") throw systemFailure(`reach the registry ${JSON.stringify(host)}`, error);
  const hint = "Check the name, the network, and whether the registry runs.";
  const isAbsence = ABSENT.has(code);
  return new NetworkFailure(unreachable(host, STATES[code] ?? code, hint, error), !isAbsence, isAbsence);
}

const STATES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "no host has that name",
  EAI_AGAIN: "no name server answers",
  ECONNRESET: "it broke off the connection",
  EPIPE: "it broke off the connection",
  ETIMEDOUT: "it does not answer",
  EHOSTUNREACH: "no way leads to it",
  ENETUNREACH: "no way leads to it",
  EPROXYBUSY: "the proxy before it, of HTTPS_PROXY, has no way to it now",
};

function untrusted(host: string, code: string, cause: unknown): VarveError {
  const hint = `Put the certificate of its authority into /etc/docker/certs.d/${host}/ca.crt.`;
  return unreachable(host, `its certificate is not trusted (${code})`, hint, cause);
}

function throwInterrupted(): never {
  throw new VarveError("INTERRUPTED", "Cannot finish the transfer: it was interrupted");
}
