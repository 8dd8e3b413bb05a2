const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", b: "\b", '"': '"', "\\": "\\" };

/**
 * The settings of a git configuration file: `section.key` or `section.subsection.key`, section and key in lower case; the last value counts.
 * Tolerant: a line that is none is passed over. `include` is not followed.
 * @see git-config(1), "Syntax".
 */
export function parseGitConfig(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  let section = "";
  for (const line of text
    .replace(/^\ufeff/, "")
    .replace(/\\\r?\n/g, "")
    .split(/\r?\n/)) {
    const header = /^\s*\[\s*([\w.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\](.*)$/.exec(line);
    if (header) section = [header[1]?.toLowerCase(), header[2]?.replace(/\\(.)/g, "$1")].filter(Boolean).join(".");
    const [, key, , value] = /^\s*([A-Za-z][\w-]*)\s*(=\s*(.*))?$/.exec(header ? (header[3] ?? "") : line) ?? [];
    if (key !== undefined && section !== "")
      settings.set(`${section}.${key.toLowerCase()}`, value === undefined ? "true" : unquote(value));
  }
  return settings;
}

/** Quotes keep blanks and comment signs; outside of them a comment ends the value and blanks at its end are dropped. */
function unquote(value: string): string {
  let result = "";
  let kept = 0;
  let quoted = false;
  for (let at = 0; at < value.length; at += 1) {
    const character = value[at] ?? "";
    if (character === '"') {
      quoted = !quoted;
      kept = result.length;
    } else if (!quoted && (character === "#" || character === ";")) break;
    else if (character === "\\") {
      at += 1;
      result += ESCAPES[value[at] ?? ""] ?? "";
      kept = result.length;
    } else {
      result += character;
      if (quoted || !/\s/.test(character)) kept = result.length;
    }
  }
  return result.slice(0, kept);
}
