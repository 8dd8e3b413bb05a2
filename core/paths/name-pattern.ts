import type { ByteString } from "../model/byte-string.js";

/**
 * One name's worth of a gitignore pattern: bytes, `?`, `*`, `[…]`. Matching goes back to the last `*` alone, so that its time is at most the
 * product of the two lengths, whatever the pattern: a regular expression would take years for some.
 */
export class NamePattern {
  readonly #tokens: readonly NameToken[];
  /** Set when there is nothing but bytes. */
  readonly #literal: string | undefined;
  /** Set for `*` and then nothing but bytes: `*.o`. */
  readonly #suffix: string | undefined;

  constructor(tokens: readonly NameToken[]) {
    this.#tokens = tokens;
    this.#literal = literalOf(tokens);
    this.#suffix = tokens[0] === ANY_RUN ? literalOf(tokens.slice(1)) : undefined;
  }

  matches(name: ByteString): boolean {
    if (this.#literal !== undefined) return name === this.#literal;
    if (this.#suffix !== undefined) return name.endsWith(this.#suffix);
    return matchTokens(this.#tokens, name);
  }
}

/** A byte's number, or 256 truth values for `[…]`, or one of the two wildcards. */
export type NameToken = number | Uint8Array | typeof ANY_BYTE | typeof ANY_RUN;
export const ANY_BYTE = "?";
export const ANY_RUN = "*";

function literalOf(tokens: readonly NameToken[]): string | undefined {
  if (!tokens.every((token) => typeof token === "number")) return undefined;
  return tokens.map((token) => String.fromCharCode(token)).join("");
}

function matchTokens(tokens: readonly NameToken[], name: string): boolean {
  let token = 0;
  let at = 0;
  let lastRun = -1;
  let runEnd = 0;
  while (at < name.length) {
    if (tokens[token] === ANY_RUN) {
      lastRun = token++;
      runEnd = at;
    } else if (token < tokens.length && takes(tokens[token]!, name.charCodeAt(at))) {
      token++;
      at++;
    } else if (lastRun >= 0) {
      token = lastRun + 1;
      at = ++runEnd;
    } else return false;
  }
  while (tokens[token] === ANY_RUN) token++;
  return token === tokens.length;
}

function takes(token: NameToken, byte: number): boolean {
  if (typeof token === "number") return token === byte;
  return token === ANY_BYTE || (token !== ANY_RUN && token[byte] === 1);
}
