import { setMaxListeners } from "node:events";
import type { RegistryOptions } from "../../core/ports/registries.js";
import { interruptionSignal } from "../../core/yield-to-signals.js";
import { dismiss, documentOf } from "./answer-body.js";
import { Authorization } from "./authorization.js";
import { Connections, type ConnectionOptions } from "./connections.js";
import type { CredentialSource } from "./credentials/credentials.js";
import { exchange, type Answer, type Body, type Method } from "./exchange.js";
import { PACE, type Pace } from "./pace.js";
import { targetOf } from "./redirects.js";
import { registryOrigin, type InsecureHosts, type RegistryAddress } from "./registry-address.js";
import { denied, invalidAnswer, quoted, unknownImage } from "./registry-fault.js";
import { objectOf, readJsonObject } from "./read-json.js";
import { requireNow, retried } from "./retry.js";

export interface RequestOptions extends ConnectionOptions {
  readonly credentials: CredentialSource;
  readonly insecure?: InsecureHosts;
  readonly pace?: Pace;
  readonly signal?: AbortSignal;
  readonly onSetback?: RegistryOptions["onSetback"];
}

export interface RegistryRequest {
  readonly method: Method;
  /** A path on the registry, or where the registry led. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body | undefined;
  /** What a token must be good for. */
  readonly scopes: readonly string[];
  /** Any other status is a failure. */
  readonly expected: readonly number[];
  /** For messages: `the manifest "v1" of team/app`. */
  readonly what: string;
  /** The repository whose tags may help who asked for one that is not there. */
  readonly tagsOf?: string;
  /** Whether it is the caller who tries again, who knows what has arrived: by `Setbacks`, which knows what this throws. */
  readonly once?: boolean;
}

const MOST_REDIRECTS = 8;
/** 401 once for what is not known yet, and once for a token that has run out. */
const MOST_CHALLENGES = 2;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const LARGEST_REFUSAL_BYTES = 64 << 10;

/** Requests to one registry: authorized, redirected, tried again. */
export class RegistryRequests {
  readonly address: RegistryAddress;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly insecure: InsecureHosts;
  readonly onSetback: RegistryOptions["onSetback"];
  readonly #repository: string | undefined;
  readonly #credentials: CredentialSource;
  readonly #connections: Connections;
  readonly #stopping = new AbortController();
  #ready: Promise<Authorization> | undefined;
  #origin: Promise<URL> | undefined;

  constructor(address: RegistryAddress, repository: string | undefined, options: RequestOptions) {
    this.address = address;
    this.pace = options.pace ?? PACE;
    this.onSetback = options.onSetback;
    // Each request listens to it, and Node warns of more than ten.
    this.signal = AbortSignal.any([options.signal ?? interruptionSignal(), this.#stopping.signal]);
    setMaxListeners(0, this.signal);
    this.insecure = options.insecure ?? new Set();
    this.#repository = repository;
    this.#credentials = options.credentials;
    this.#connections = new Connections(options);
  }

  origin(): Promise<URL> {
    return (this.#origin ??= registryOrigin(this.address, this.insecure, this.signal, (url) =>
      this.#connections.throughProxy(url),
    ));
  }

  authorization(): Promise<Authorization> {
    return (this.#ready ??= this.origin().then(
      (origin) =>
        new Authorization({
          registry: this.address.name,
          origin,
          repository: this.#repository,
          insecure: this.insecure,
          credentials: this.#credentials,
          connections: this.#connections,
          patience: this,
        }),
    ));
  }

  /**
   * @returns An answer with an expected status. Its body must be read, or dismissed.
   * @throws VarveError IMAGE_UNKNOWN, REGISTRY_DENIED, REGISTRY_INVALID, REGISTRY_UNREACHABLE, INTERRUPTED.
   */
  send(request: RegistryRequest): Promise<Answer> {
    const attempt = (): Promise<Answer> => this.#expected(request);
    return request.once === true ? attempt() : retried(this.address.name, this, attempt);
  }

  /** `send`, and all of the answer's body, for one that is small. @param name For messages: "its manifest". */
  document(
    request: RegistryRequest,
    name: string,
    largest: number,
  ): Promise<{ readonly answer: Answer; readonly bytes: Buffer }> {
    return retried(this.address.name, this, async () => {
      const answer = await this.#expected(request);
      return { answer, bytes: await documentOf(answer, name, { largest, idleMilliseconds: this.pace.idle }) };
    });
  }

  /** For what the registry leads to. */
  targetOf(answer: Answer): URL {
    return targetOf(answer.url, answer.headers.location, this.insecure);
  }

  /** Ends what is under way as an interruption does, and connections that are kept. */
  close(): void {
    this.#stopping.abort();
    this.#connections.close();
  }

  async #expected(request: RegistryRequest): Promise<Answer> {
    const answer = await this.#authorized(request);
    if (request.expected.includes(answer.status)) return answer;
    throw await this.#refusal(request, requireNow(this.address.name, answer));
  }

  async #authorized(request: RegistryRequest): Promise<Answer> {
    const origin = await this.origin();
    const authorization = await this.authorization();
    for (let challenges = 0; ; challenges += 1) {
      const start = request.target instanceof URL ? request.target : new URL(request.target, origin);
      const header = start.origin === origin.origin ? await authorization.header(request.scopes) : undefined;
      const answer = await this.#followed(request, start, header);
      if (answer.status !== 401 || answer.url.origin !== origin.origin) return answer;
      dismiss(answer);
      if (challenges >= MOST_CHALLENGES) throw denied(this.address.name, "it refuses each token that its token server gives");
      await authorization.challenged(answer.headers["www-authenticate"], request.scopes, header);
    }
  }

  /** Whoever answers may lead anywhere: what authorizes us stays with the origin that it is for, and is not taken up again on a way back. */
  async #followed(request: RegistryRequest, start: URL, header: string | undefined): Promise<Answer> {
    let url = start;
    let authorization = header;
    for (let redirects = 0; ; redirects += 1) {
      const answer = await exchange(this.#connections, {
        method: request.method,
        url,
        headers: {
          "user-agent": "varve",
          "accept-encoding": "identity",
          ...request.headers,
          ...(authorization === undefined ? {} : { authorization }),
        },
        body: request.body,
        signal: this.signal,
        idleMilliseconds: this.pace.idle,
      });
      if (!REDIRECTS.has(answer.status)) return answer;
      dismiss(answer);
      if (redirects >= MOST_REDIRECTS) throw invalidAnswer(url.host, `it leads on more than ${MOST_REDIRECTS} times`);
      const target = this.targetOf(answer);
      const isReading = request.method === "GET" || request.method === "HEAD";
      if (!isReading && (target.origin !== url.origin || answer.status < 307)) {
        throw invalidAnswer(url.host, `it leads a ${request.method} elsewhere, to ${target.host}`);
      }
      if (target.origin !== url.origin) authorization = undefined;
      url = target;
    }
  }

  async #refusal({ what, method, tagsOf }: RegistryRequest, answer: Answer): Promise<unknown> {
    const { status, url } = answer;
    const host = url.origin === (await this.origin()).origin ? this.address.name : url.host;
    const said = await this.#said(answer);
    if (status === 404) return unknownImage(host, what, tagsOf);
    if (status === 401 || status === 403) return denied(host, `it refuses access to ${what}${said}`);
    return invalidAnswer(host, `it answers the ${method} of ${what} with status ${status}${said}`);
  }

  /** Why, in the registry's own words: a stranger's, without what is secret. */
  async #said(answer: Answer): Promise<string> {
    try {
      const { errors } = readJsonObject(
        await documentOf(answer, "its refusal", { largest: LARGEST_REFUSAL_BYTES, idleMilliseconds: this.pace.idle }),
        this.address.name,
        "its refusal",
      );
      const { code, message } = objectOf(Array.isArray(errors) ? errors[0] : undefined);
      const words = [code, message].filter((text) => typeof text === "string" && text !== "").join(": ");
      const { secrets } = await this.authorization();
      return words === "" ? "" : ` (${quoted(words, secrets)})`;
    } catch {
      // A refusal that can't be read is one all the same.
      return "";
    }
  }
}
