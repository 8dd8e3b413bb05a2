/** The matcher tries all ways in which the runs of one name may share it: of four in a name of 255 bytes that is a second's work. */
const MOST_RUNS = 4;

/**
 * Why a pattern of fast-glob's syntax could keep its matcher busy for years: it goes back for each `*`, which no signal ends.
 *
 * @returns `undefined` for one that can't.
 */
export function costOf(pattern: string): string | undefined {
  const runs = Math.max(0, ...partsOf(pattern).map(runsIn));
  if (runs > MOST_RUNS) return `it has ${runs} runs of * in one name, wanted at most ${MOST_RUNS}`;
  return repeatsAmbiguously(pattern) ? "what +(…) or *(…) repeats must be plain names, of which none begins another" : undefined;
}

function partsOf(pattern: string): readonly string[] {
  return pattern.split("/").filter((part) => part !== "**");
}

/** Of alternatives in braces the one counts that has most. */
function runsIn(part: string): number {
  const count = (text: string): number => text.replaceAll(/\\./g, "").match(/\*+(?!\()|[+*]\(/g)?.length ?? 0;
  let inBraces = 0;
  const outside = part.replaceAll(/\{([^{}]*)\}/g, (_, alternatives: string) => {
    inBraces += Math.max(...alternatives.split(",").map(count));
    return "";
  });
  return count(outside) + inBraces;
}

function repeatsAmbiguously(pattern: string): boolean {
  const repeats = [...pattern.matchAll(/[+*]\(((?:[^()]|\()*)\)/g)].map(([, body = ""]) => body);
  return repeats.some((body) => {
    const words = body.split("|");
    if (words.some((word) => word === "" || /[*?[\]{}()\\+@!]/.test(word))) return true;
    return words.some((word, at) => words.some((other, index) => index !== at && other.startsWith(word)));
  });
}
