/** Checks of JSON that is hostile until it was checked. Each throws a TypeError that names the part that is wrong. */
export type Json = Readonly<Record<string, unknown>>;

export function objectOf(value: unknown, name: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError(`${name} is no object`);
  return value as Json;
}

export function listOf<T>(value: unknown, name: string, item: (value: unknown) => T): readonly T[] {
  if (!Array.isArray(value)) throw new TypeError(`"${name}" is no list`);
  return value.map((each) => item(each));
}

export function textsOf(value: unknown, name: string): readonly string[] {
  return listOf(value, name, (item) => textOf(item, name));
}

export function textOf(value: unknown, name: string): string {
  // A NUL would end a C string early: what is checked and what is used would differ.
  if (typeof value !== "string" || value.includes("\0")) throw new TypeError(`"${name}" is no text`);
  return value;
}

export function truthOf(value: unknown, name: string): boolean {
  if (typeof value !== "boolean") throw new TypeError(`"${name}" is neither true nor false`);
  return value;
}

export function integerOf(value: unknown, name: string, least: number, most: number = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return value as number;
  throw new TypeError(`"${name}" is no whole number from ${least} on`);
}

export function positiveOf(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw new TypeError(`"${name}" is no positive number`);
}

export function optional<Name extends string, T>(
  name: Name,
  value: unknown,
  read: (value: unknown, name: string) => T,
): Partial<Record<Name, T>> {
  return value === undefined ? {} : ({ [name]: read(value, name) } as Partial<Record<Name, T>>);
}

export function choiceOf<Choice extends string>(value: unknown, name: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new TypeError(`"${name}" is none of ${choices.join(", ")}`);
}

/** Texts by name. The names may be any, so that the object that holds them inherits nothing. */
export function textTableOf(value: unknown, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(objectOf(value, name)).map(([key, each]) => [textOf(key, name), textOf(each, name)]));
}
