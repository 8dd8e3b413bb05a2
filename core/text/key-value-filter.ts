import { VarveError } from "../errors.js";

export type Test<Thing> = (thing: Thing) => boolean;

/** For each key what makes a test of its value. It may throw VarveError USAGE. */
export type TestMakers<Thing> = Readonly<Record<string, (value: string) => Test<Thing>>>;

/**
 * Docker's `--filter`.
 *
 * @param filters `KEY=VALUE`. Of one key any value may fit, and each key has to.
 * @param example One that may be written.
 * @throws VarveError USAGE.
 */
export function keyValueFilter<Thing>(filters: readonly string[], makers: TestMakers<Thing>, example: string): Test<Thing> {
  const byKey = new Map<string, Test<Thing>[]>();
  for (const filter of filters) {
    const [key, test] = readFilter(filter, makers, example);
    byKey.set(key, [...(byKey.get(key) ?? []), test]);
  }
  return (thing) => [...byKey.values()].every((tests) => tests.some((test) => test(thing)));
}

function readFilter<Thing>(filter: string, makers: TestMakers<Thing>, example: string): readonly [string, Test<Thing>] {
  const at = filter.indexOf("=");
  const [key, value] = at === -1 ? [filter, ""] : [filter.slice(0, at), filter.slice(at + 1)];
  const make = Object.hasOwn(makers, key) ? makers[key] : undefined;
  if (make !== undefined && value !== "") return [key, make(value)];
  const state = make === undefined ? `"${key}" is no key` : "its value is missing";
  throw new VarveError("USAGE", `Cannot read --filter "${filter}": ${state}`, {
    hint: `The form is KEY=VALUE, such as ${example}. Keys: ${Object.keys(makers).join(", ")}.`,
  });
}

/** `NAME`, which any value fits, or `NAME=VALUE`. */
export function labelTest(filter: string): Test<Readonly<Record<string, string>>> {
  const [name = "", ...rest] = filter.split("=");
  const wanted = rest.length === 0 ? undefined : rest.join("=");
  return (labels) => Object.hasOwn(labels, name) && (wanted === undefined || labels[name] === wanted);
}
