import { invalidAnswer } from "./registry-fault.js";

/** Deeper than any document of a registry. */
const DEEPEST = 64;

/** An object's own keys. It has no prototype: no name in it means more than it says. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * An object that somebody else wrote. Another reader must not find something else in the same bytes: so no key twice, no bytes that are no UTF-8.
 *
 * @param what For the message: "its tag list".
 * @throws VarveError REGISTRY_INVALID.
 */
export function readJsonObject(bytes: Uint8Array, host: string, what: string): JsonObject {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw invalidAnswer(host, `${what} is no JSON`);
  }
  const fault = ambiguity(text);
  if (fault !== undefined) throw invalidAnswer(host, `${what} ${fault}`);
  if (!isObject(value)) throw invalidAnswer(host, `${what} is no JSON object`);
  return objectOf(value);
}

/** Its own keys; of anything but an object, none. */
export function objectOf(value: unknown): JsonObject {
  return Object.assign(Object.create(null) as Record<string, unknown>, isObject(value) ? value : {});
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],]/gs;

/** What JSON.parse lets pass in valid JSON: a key that stands twice, which readers take differently, and endless depth. */
function ambiguity(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  // A text is a key where an object was opened, or a comma stands in one.
  let awaitsKey = false;
  for (const [token] of text.matchAll(TOKEN)) {
    const keys = open.at(-1);
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : undefined);
      if (open.length > DEEPEST) return `is nested deeper than ${DEEPEST}`;
      awaitsKey = token === "{";
    } else if (token === "}" || token === "]") {
      open.pop();
      awaitsKey = false;
    } else if (token === ",") awaitsKey = keys !== undefined;
    else if (awaitsKey && keys !== undefined) {
      const key = JSON.parse(token) as string;
      if (keys.has(key)) return "has a key twice";
      keys.add(key);
      awaitsKey = false;
    }
  }
  return undefined;
}
