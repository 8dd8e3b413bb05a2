import { VarveError } from "../errors.js";

/**
 * Takes the words of a Dockerfile's instruction apart: blanks divide them, unless they are quoted or come after a backslash. `$NAME` and
 * `${NAME}` are replaced, but between single quotes.
 *
 * @param variables What they are replaced by; one that is not there is empty.
 * @throws VarveError USAGE.
 */
export function instructionWords(text: string, variables: ReadonlyMap<string, string>): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at]!;
    const rest = text.slice(at);
    const variable = quote === "'" ? undefined : /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/.exec(rest);
    if (variable) {
      word = (word ?? "") + (variables.get(variable[1] ?? variable[2] ?? "") ?? "");
      at += variable[0].length - 1;
    } else if (quote !== "'" && rest.startsWith("${")) {
      throw unreadable(text, `of "\${…}" only "\${NAME}" is known`);
    } else if (letter === "\\" && quote !== "'" && at + 1 < text.length) {
      // Between double quotes a backslash is one, but before what would end them or begin a variable.
      const next = text[(at += 1)]!;
      word = (word ?? "") + (quote === "" || `"$\\`.includes(next) ? next : `\\${next}`);
    } else if (letter === quote) quote = "";
    else if (quote === "" && (letter === '"' || letter === "'")) [quote, word] = [letter, word ?? ""];
    else if (quote === "" && /\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + letter;
  }
  if (quote !== "") throw unreadable(text, `a ${quote} is not closed`);
  return word === undefined ? words : [...words, word];
}

/** `NAME=value` words; or, as older Dockerfiles have it, a name and all that follows as its value. @throws VarveError USAGE. */
export function instructionPairs(
  text: string,
  variables: ReadonlyMap<string, string>,
): readonly (readonly [name: string, value: string])[] {
  const old = /^([^\s="']+)\s+(\S.*)$/s.exec(text);
  if (old !== null) return [[old[1]!, instructionWords(old[2]!, variables).join(" ")]];
  return instructionWords(text, variables).map((word) => {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    if (name === undefined || value === undefined) throw unreadable(text, "wanted NAME=value");
    return [name, value];
  });
}

export function unreadable(text: string, state: string): VarveError {
  return new VarveError("USAGE", `Cannot read --change "${text}": ${state}`);
}
