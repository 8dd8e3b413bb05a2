type Token = "any" | ((character: string) => boolean);

/**
 * Whether a name fits a pattern of `git tag -l`: `*` stands for any text, slashes too, `?` for one character, `[a-z]` and `[!a-z]` for one of some.
 * Takes time by the product of both lengths at most.
 */
export function namePattern(pattern: string): (name: string) => boolean {
  const tokens = tokensOf(pattern);
  return (name) => fits(tokens, Array.from(name));
}

function tokensOf(pattern: string): readonly Token[] {
  const tokens: Token[] = [];
  const parts = /\\(.)|\[(!|\^)?(\]?[^\]]*)\]|(.)/gsu;
  for (const [, escaped, not, set, plain] of pattern.matchAll(parts)) {
    if (set !== undefined) tokens.push(oneOf(set, not !== undefined));
    else if (plain === "*") tokens.push("any");
    else if (plain === "?") tokens.push(() => true);
    else tokens.push((character) => character === (escaped ?? plain));
  }
  return tokens;
}

function oneOf(set: string, not: boolean): Token {
  const ranges = [...set.matchAll(/(.)-(.)|(.)/gsu)].map(([, from, to, one]) => [from ?? one ?? "", to ?? one ?? ""] as const);
  return (character) => ranges.some(([from, to]) => character >= from && character <= to) !== not;
}

/** The last `*` alone takes more when it comes to a dead end: an earlier one need not. */
function fits(tokens: readonly Token[], text: readonly string[]): boolean {
  let at = 0;
  let token = 0;
  let star: { token: number; at: number } | undefined;
  while (at < text.length) {
    const wanted = tokens[token];
    if (wanted === "any") {
      star = { token, at };
      token += 1;
    } else if (wanted?.(text[at] ?? "") === true) {
      at += 1;
      token += 1;
    } else if (star === undefined) return false;
    else {
      star.at += 1;
      at = star.at;
      token = star.token + 1;
    }
  }
  return tokens.slice(token).every((left) => left === "any");
}
