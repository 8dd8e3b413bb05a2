/** What a registry asks for with 401. @see RFC 9110, section 11.6.1 */
export interface Challenge {
  /** Lower-case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names lower-case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const LONGEST_HEADER = 4096;
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = new RegExp(`^(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))`);
const SCHEME = new RegExp(`^(${TOKEN})(?=[\\s,]|$)`);

/** @returns As many as can be read from the beginning on. */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let rest = (header ?? "").slice(0, LONGEST_HEADER).replace(/^[\s,]+/, "");
  while (rest !== "") {
    const parameter = PARAMETER.exec(rest);
    const current = challenges.at(-1);
    const scheme = parameter === null ? SCHEME.exec(rest) : null;
    if (parameter !== null && current !== undefined) {
      const [, name = "", text, word = ""] = parameter;
      current.parameters.set(name.toLowerCase(), text?.replace(/\\(.)/g, "$1") ?? word);
    } else if (scheme !== null) {
      challenges.push({ scheme: (scheme[1] ?? "").toLowerCase(), parameters: new Map() });
    } else break;
    rest = rest.slice((parameter ?? scheme)![0].length).replace(/^[\s,]+/, "");
  }
  return challenges;
}
