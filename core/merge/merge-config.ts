import type { ImageConfig } from "../model/commit.js";
import type { Favor } from "./drivers/content-driver.js";
import { changedOne } from "./merge-metadata.js";

export interface MergedConfig {
  /** Ours where the sides disagree. */
  readonly config: ImageConfig | undefined;
  /** What both sides changed, such as `config.Cmd` or `config.Env PATH`. */
  readonly conflicts: readonly string[];
}

type Values = Readonly<Record<string, unknown>>;

/** Tell of the layers that an image was made of, which a merge leaves behind. */
const OF_OURS: readonly string[] = ["created", "history", "rootfs"];

/** Three-way merge of OCI image configs: Env by variable, Labels by key, ports and volumes as sets, all else field by field. */
export function mergeConfig(
  base: ImageConfig | undefined,
  ours: ImageConfig | undefined,
  theirs: ImageConfig | undefined,
  favor?: Favor,
): MergedConfig {
  const changed = changedOne({ value: base }, { value: ours }, { value: theirs }, isSameValue);
  if (changed !== undefined) return { config: changed.value.value, conflicts: [] };
  const conflicts: string[] = [];
  const merge: ConfigMerge = { favor, conflicts };
  const config = mergeKeys(merge, "", { base: base ?? {}, ours: ours ?? {}, theirs: theirs ?? {} }, mergeTop);
  return { config, conflicts };
}

interface ConfigMerge {
  readonly favor: Favor | undefined;
  readonly conflicts: string[];
}

interface Versions<T> {
  readonly base: T;
  readonly ours: T;
  readonly theirs: T;
}

type MergeValue = (merge: ConfigMerge, name: string, versions: Versions<unknown>) => unknown;

const mergeTop: MergeValue = (merge, name, versions) => {
  if (OF_OURS.includes(name)) return versions.ours;
  if (name !== "config") return mergeWhole(merge, name, versions);
  return mergeKeys(merge, "config.", valuesIn(versions), mergeField);
};

const mergeField: MergeValue = (merge, name, versions) => {
  switch (name) {
    case "config.Env":
      return mergeEnvironment(merge, versions);
    case "config.Labels":
    case "config.ExposedPorts":
    case "config.Volumes":
      return mergeKeys(merge, `${name} `, valuesIn(versions), mergeWhole);
    default:
      return mergeWhole(merge, name, versions);
  }
};

function mergeWhole({ favor, conflicts }: ConfigMerge, name: string, { base, ours, theirs }: Versions<unknown>): unknown {
  const changed = changedOne({ value: base }, { value: ours }, { value: theirs }, isSameValue);
  if (changed !== undefined) return changed.value.value;
  if (favor === undefined) conflicts.push(name);
  return favor === "theirs" ? theirs : ours;
}

/** Key by key, in the order of ours; absent and `null` are the same to OCI. */
function mergeKeys(merge: ConfigMerge, prefix: string, { base, ours, theirs }: Versions<Values>, mergeValue: MergeValue): Values {
  const merged: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const versions = { base: own(base, key), ours: own(ours, key), theirs: own(theirs, key) };
    const value = isSameJson(versions.ours, versions.theirs) ? versions.ours : mergeValue(merge, prefix + key, versions);
    if (value !== undefined) merged[key] = value;
  }
  return { ...merged };
}

function own(values: Values, key: string): unknown {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

function valuesIn({ base, ours, theirs }: Versions<unknown>): Versions<Values> {
  return { base: valuesOf(base), ours: valuesOf(ours), theirs: valuesOf(theirs) };
}

function valuesOf(value: unknown): Values {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Values) : {};
}

/** `NAME=value` by name, in the order of ours. */
function mergeEnvironment(merge: ConfigMerge, { base, ours, theirs }: Versions<unknown>): string[] {
  const merged = mergeKeys(
    merge,
    "config.Env ",
    { base: variablesOf(base), ours: variablesOf(ours), theirs: variablesOf(theirs) },
    mergeWhole,
  );
  return Object.values(merged).map(String);
}

/** The whole of each setting by its name, so that a name without a value stays one. */
function variablesOf(environment: unknown): Values {
  const settings = Array.isArray(environment) ? environment.filter((each) => typeof each === "string") : [];
  return Object.fromEntries(settings.map((setting) => [setting.split("=", 1)[0] ?? "", setting]));
}

function isSameValue({ value: a }: { readonly value: unknown }, { value: b }: { readonly value: unknown }): boolean {
  return isSameJson(a, b);
}

function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && isSameJson((a as Values)[key], (b as Values)[key]));
}
