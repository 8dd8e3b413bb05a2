import { parseChallenges } from "./challenge.js";
import type { Connections } from "./connections.js";
import type { CredentialSource, Credentials } from "./credentials/credentials.js";
import type { InsecureHosts } from "./registry-address.js";
import { denied, invalidAnswer, wrongCredentials } from "./registry-fault.js";
import type { Patience } from "./retry.js";
import { basicHeader, requestToken, tokenServer, type Token, type TokenServer } from "./token-endpoint.js";

export interface AuthorizationOptions {
  /** As a person writes it. */
  readonly registry: string;
  readonly origin: URL;
  readonly repository: string | undefined;
  readonly insecure: InsecureHosts;
  readonly credentials: CredentialSource;
  readonly connections: Connections;
  readonly patience: Patience;
}

type Way = { readonly kind: "basic" } | { readonly kind: "bearer"; readonly server: TokenServer };

/** How requests to one registry are authorized: not at all, until it asks. */
export class Authorization {
  readonly #options: AuthorizationOptions;
  #way: Way | undefined;
  #credentials: Promise<Credentials | undefined> | undefined;
  readonly #tokens = new Map<string, Promise<Token>>();
  readonly #secrets = new Set<string>();

  constructor(options: AuthorizationOptions) {
    this.#options = options;
  }

  /** What must stand in no message. */
  get secrets(): readonly string[] {
    return [...this.#secrets];
  }

  /** The value of `Authorization` for the registry's own origin. @throws VarveError REGISTRY_DENIED and what a token server's answer gives. */
  async header(scopes: readonly string[]): Promise<string | undefined> {
    if (this.#way === undefined) return undefined;
    const credentials = await this.#who();
    if (credentials?.kind === "registry-token") return this.#kept(`Bearer ${credentials.token}`);
    if (this.#way.kind === "bearer") return this.#kept(`Bearer ${(await this.#token(this.#way.server, scopes)).text}`);
    if (credentials?.kind === "password") return this.#kept(basicHeader(credentials));
    throw denied(this.#options.registry, credentials === undefined ? "it wants a login" : "it wants a password");
  }

  /**
   * After a 401: learns what is wanted. A token that was refused is forgotten.
   *
   * @param sent The header that was refused.
   * @throws VarveError REGISTRY_DENIED when there is nothing else to try.
   */
  async challenged(asked: string | undefined, scopes: readonly string[], sent: string | undefined): Promise<void> {
    const { origin, insecure, registry } = this.#options;
    const challenges = parseChallenges(asked);
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer !== undefined) this.#way = { kind: "bearer", server: tokenServer(bearer, origin, insecure) };
    else if (challenges.some(({ scheme }) => scheme === "basic")) this.#way = { kind: "basic" };
    else throw invalidAnswer(origin.host, "it wants a login of a kind that is not known here");
    this.#tokens.delete(scopes.join(" "));
    const isFinal = this.#way.kind === "basic" || (await this.#who())?.kind === "registry-token";
    if (sent !== undefined && isFinal) throw wrongCredentials(registry);
  }

  /** A token with what it takes to get the next one. For login. */
  async identity(credentials: Credentials): Promise<string | undefined> {
    if (this.#way?.kind !== "bearer") return undefined;
    const request = { server: this.#way.server, scopes: [], credentials, wantsIdentity: true };
    const { registry, connections, patience } = this.#options;
    return (await requestToken(request, registry, connections, patience)).identity;
  }

  #who(): Promise<Credentials | undefined> {
    const { registry, repository, credentials } = this.#options;
    return (this.#credentials ??= credentials(registry, repository).then((found) => {
      if (found?.kind === "password")
        for (const secret of [found.password, basicHeader(found).slice(6)]) this.#secrets.add(secret);
      else if (found !== undefined) this.#secrets.add(found.token);
      return found;
    }));
  }

  /** One request for each set of scopes, however many transfers wait for it. */
  async #token(server: TokenServer, scopes: readonly string[]): Promise<Token> {
    const key = scopes.join(" ");
    const known = this.#tokens.get(key);
    if (known !== undefined && (await known).until > Date.now()) return known;
    const { registry, connections, patience } = this.#options;
    const current = this.#tokens.get(key);
    if (current !== undefined && current !== known) return current;
    const fresh = this.#who().then((credentials) =>
      requestToken({ server, scopes, credentials }, registry, connections, patience),
    );
    this.#tokens.set(key, fresh);
    fresh.catch(() => this.#tokens.delete(key));
    return fresh;
  }

  #kept(header: string): string {
    this.#secrets.add(header.slice(header.indexOf(" ") + 1));
    return header;
  }
}
