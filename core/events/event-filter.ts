import { VarveError } from "../errors.js";
import { EVENT_TYPES, type StoreEvent } from "../ports/events.js";

export type EventTest = (event: StoreEvent) => boolean;

/** Docker's and podman's words for what is called otherwise here. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  destroy: "remove",
  died: "die",
  exec_create: "exec",
  exec_start: "exec",
  exec_died: "exec_die",
};

const TESTS: Readonly<Record<string, (value: string) => EventTest>> = {
  type: (value) => {
    if (!(EVENT_TYPES as readonly string[]).includes(value)) {
      throw new VarveError("USAGE", `Cannot filter by type "${value}": wanted ${EVENT_TYPES.join(", ")}`);
    }
    return ({ type }) => type === value;
  },
  event: (value) => {
    const wanted = OTHER_WORDS[value] ?? value;
    return ({ action }) => action === wanted;
  },
  container: (value) => (event) => concernsContainer(event, value),
  branch: (value) => named("branch", value),
  tag: (value) => named("tag", value),
  label: (value) => {
    const [name = "", ...rest] = value.split("=");
    const wanted = rest.length === 0 ? undefined : rest.join("=");
    return ({ labels }) => Object.hasOwn(labels, name) && (wanted === undefined || labels[name] === wanted);
  },
};

/** Of an id's prefix, as everywhere. */
const LEAST_PREFIX = 2;

function concernsContainer({ type, id, name, attributes }: StoreEvent, word: string): boolean {
  const isId = (each: string): boolean => word.length >= LEAST_PREFIX && each.startsWith(word);
  if (type === "container") return name === word || isId(id);
  return type === "operation" && (attributes["containers"] ?? "").split(",").some(isId);
}

function named(wanted: StoreEvent["type"], word: string): EventTest {
  return ({ type, name }) => type === wanted && name === word;
}

/**
 * @param filters `KEY=VALUE`. Of one key any value may fit, and each key has to.
 * @throws VarveError USAGE.
 */
export function eventFilter(filters: readonly string[]): EventTest {
  const byKey = new Map<string, EventTest[]>();
  for (const filter of filters) {
    const [key, test] = readFilter(filter);
    byKey.set(key, [...(byKey.get(key) ?? []), test]);
  }
  return (event) => [...byKey.values()].every((tests) => tests.some((test) => test(event)));
}

function readFilter(filter: string): readonly [string, EventTest] {
  const at = filter.indexOf("=");
  const [key, value] = at === -1 ? [filter, ""] : [filter.slice(0, at), filter.slice(at + 1)];
  const make = Object.hasOwn(TESTS, key) ? TESTS[key] : undefined;
  if (make !== undefined && value !== "") return [key, make(value)];
  const state = make === undefined ? `"${key}" is no key` : "its value is missing";
  throw new VarveError("USAGE", `Cannot read --filter "${filter}": ${state}`, {
    hint: `The form is KEY=VALUE, such as event=die. Keys: ${Object.keys(TESTS).join(", ")}.`,
  });
}
