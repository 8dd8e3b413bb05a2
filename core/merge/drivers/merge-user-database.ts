import { textOf, type ByteString } from "../../model/byte-string.js";
import { splitLines } from "../../text/text-lines.js";
import type { ContentDriver, Favor } from "./content-driver.js";
import { mergeRecords, type RecordFormat, type RecordVersions, type TextRecord } from "./merge-records.js";

interface Field {
  readonly name: string;
  /** Names with commas between them. */
  readonly isList?: true;
}

/** passwd(5), group(5), shadow(5), gshadow(5), subuid(5): what the fields after the name are called. */
interface Database {
  readonly record: "user" | "group";
  readonly fields: readonly Field[];
  /** The number of which two added records may not have the same. */
  readonly unique?: string;
}

const fields = (...names: readonly string[]): Field[] => names.map((name) => ({ name }));

export type UserDatabase = "passwd" | "group" | "shadow" | "gshadow" | "subid";

const DATABASES: Readonly<Record<UserDatabase, Database>> = {
  passwd: { record: "user", fields: fields("password", "uid", "gid", "comment", "home", "shell"), unique: "uid" },
  group: { record: "group", fields: [...fields("password", "gid"), { name: "members", isList: true }], unique: "gid" },
  shadow: {
    record: "user",
    fields: fields("password", "last change", "minimum age", "maximum age", "warning", "inactivity", "expiration", "reserved"),
  },
  subid: { record: "user", fields: fields("first id", "count"), unique: "first id" },
  gshadow: {
    record: "group",
    fields: [{ name: "password" }, { name: "administrators", isList: true }, { name: "members", isList: true }],
  },
};

/** Merges a database of users or groups by name, and each record by field. */
export function userDatabaseDriver(kind: UserDatabase): ContentDriver {
  const format = formatOf(DATABASES[kind]);
  return (input) => mergeRecords(format, input);
}

function formatOf(database: Database): RecordFormat {
  const describe = (key: string): string => `${database.record} "${textOf(key as ByteString)}"`;
  const place = database.fields.findIndex(({ name }) => name === database.unique);
  return {
    end: "\n",
    split,
    describe,
    merge: (key, versions, favor) => {
      const { merged, conflicts } = mergeFields(database.fields, versions, favor);
      // Values are not quoted: they may be passwords.
      return conflicts.length === 0 ? merged : { conflict: `${describe(key)}: both sides changed ${conflicts.join(", ")}` };
    },
    ...(place >= 0 && {
      uniqueValues: (text: ByteString) => {
        const value = valuesOf(text)[place + 1];
        return value === undefined || value === "" ? [] : [`${String(database.unique)} ${textOf(value as ByteString)}`];
      },
    }),
  };
}

function split(content: ByteString): TextRecord[] {
  const seen = new Map<string, number>();
  return splitLines(content).map((text) => {
    const name = text.includes(":") && !text.startsWith("#") ? text.slice(0, text.indexOf(":")) : text.trimEnd();
    // Comments and empty lines may be repeated, and names are by mistake.
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return { key: count === 1 ? name : `${name} (${count})`, text };
  });
}

function valuesOf(text: ByteString): string[] {
  return text.replace(/\r?\n$/, "").split(":");
}

function mergeFields(
  known: readonly Field[],
  { base, ours, theirs }: RecordVersions,
  favor: Favor | undefined,
): { readonly merged: ByteString; readonly conflicts: readonly string[] } {
  const [own, other, old] = [valuesOf(ours), valuesOf(theirs), base === undefined ? undefined : valuesOf(base)];
  if (own.length !== other.length) return { merged: favor === "theirs" ? theirs : ours, conflicts: favor ? [] : ["its form"] };
  const conflicts: string[] = [];
  const merged = own.map((value, index) => {
    const [theirValue, before] = [other[index] ?? "", old?.[index]];
    if (value === theirValue || before === theirValue) return value;
    if (before === value) return theirValue;
    const field = known[index - 1];
    if (field?.isList) return mergeLists(before ?? "", value, theirValue);
    if (favor === undefined) conflicts.push(field?.name ?? `field ${index + 1}`);
    return favor === "theirs" ? theirValue : value;
  });
  return { merged: `${merged.join(":")}\n` as ByteString, conflicts };
}

/** What either side added or removed is added and removed. */
function mergeLists(base: string, ours: string, theirs: string): string {
  const [before, own, other] = [base, ours, theirs].map((list) => new Set(list.split(",").filter((name) => name !== "")));
  const kept = [...own!].filter((name) => other!.has(name) || !before!.has(name));
  const added = [...other!].filter((name) => !own!.has(name) && !before!.has(name));
  return [...kept, ...added].join(",");
}
