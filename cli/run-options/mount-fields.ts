import { VarveError } from "../../core/errors.js";

/** The fields of one `--mount`, each taken once. */
export interface MountFields {
  /** @returns `undefined` when none of these names is given. */
  text(...names: readonly string[]): string | undefined;
  /** A name alone is `true`, as is `1`. */
  isTrue(...names: readonly string[]): boolean;
  /** @throws VarveError USAGE for a field that nobody took. */
  requireNone(): void;
}

/** Docker's form: `name=value` divided by commas, each in double quotes where it holds one. @throws VarveError USAGE. */
export function mountFields(text: string): MountFields {
  const left = new Map<string, string | undefined>();
  for (const field of fieldsOf(text)) {
    const [, name = "", value] = /^([^=]*)(?:=(.*))?$/s.exec(field) ?? [];
    left.set(name.trim().toLowerCase(), value);
  }
  const take = (names: readonly string[]): { readonly value: string | undefined } | undefined => {
    const name = names.find((each) => left.has(each));
    if (name === undefined) return undefined;
    const value = left.get(name);
    left.delete(name);
    return { value };
  };
  return {
    text: (...names) => {
      const found = take(names);
      if (found !== undefined && found.value === undefined) throw refused(text, `"${names[0] ?? ""}" needs a value`);
      return found?.value;
    },
    isTrue: (...names) => {
      const { value } = take(names) ?? { value: "false" };
      if (value === undefined || value === "true" || value === "1") return true;
      if (value === "false" || value === "0") return false;
      throw refused(text, `"${value}" is neither true nor false`);
    },
    requireNone: () => {
      const [name] = left.keys();
      if (name !== undefined) throw refused(text, `"${name}" is no field of such a mount`);
    },
  };
}

function fieldsOf(text: string): readonly string[] {
  const fields = text.match(/("(?:[^"]|"")*"|[^",])+/g) ?? [];
  if (fields.join(",") !== text) throw refused(text, "its fields are not divided by single commas");
  return fields.map((field) => (/^"(.*)"$/s.exec(field)?.[1] ?? field).replaceAll('""', '"'));
}

function refused(text: string, state: string): VarveError {
  return new VarveError("USAGE", `Cannot read --mount "${text}": ${state}`);
}
