import { VarveError } from "../errors.js";
import { EVENT_TYPES, type StoreEvent } from "../ports/events.js";
import { keyValueFilter, labelTest, type Test, type TestMakers } from "../text/key-value-filter.js";

export type EventTest = Test<StoreEvent>;

/** Docker's and podman's words for what is called otherwise here. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  destroy: "remove",
  died: "die",
  exec_create: "exec",
  exec_start: "exec",
  exec_died: "exec_die",
};

const TESTS: TestMakers<StoreEvent> = {
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
    const fits = labelTest(value);
    return ({ labels }) => fits(labels);
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

/** @throws VarveError USAGE. */
export function eventFilter(filters: readonly string[]): EventTest {
  return keyValueFilter(filters, TESTS, "event=die");
}
