/** A seccomp profile as docker's files have it: one for all processors and sets of capabilities. */
export interface SeccompFile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly archMap: readonly { readonly architecture: string; readonly subArchitectures: readonly string[] }[];
  readonly syscalls: readonly SeccompFileRule[];
}

export interface SeccompFileRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args: readonly SeccompArgument[];
  readonly includes: SeccompCondition;
  readonly excludes: SeccompCondition;
}

export interface SeccompArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}

/** Empty: it always holds. */
export interface SeccompCondition {
  readonly caps: readonly string[];
  /** As Go names them: `amd64`. */
  readonly arches: readonly string[];
  /** `5.12` */
  readonly minKernel: string | undefined;
}

const ACTION = /^SCMP_ACT_[A-Z_]+$/;

/**
 * Reads a profile that comes from a file or a record.
 * @throws TypeError that says what is wrong with it.
 */
export function seccompFileOf(json: unknown): SeccompFile {
  const file = objectOf(json, "the profile");
  if (file["listenerPath"] !== undefined || file["flags"] !== undefined) {
    throw new TypeError('"listenerPath" and "flags" are not known');
  }
  return {
    defaultAction: actionOf(file["defaultAction"], "defaultAction"),
    ...optionalNumber("defaultErrnoRet", file["defaultErrnoRet"]),
    architectures: textsOf(file["architectures"], "architectures"),
    archMap: listOf(file["archMap"], "archMap").map((each) => {
      const entry = objectOf(each, "archMap");
      return {
        architecture: textOf(entry["architecture"], "architecture"),
        subArchitectures: textsOf(entry["subArchitectures"], "subArchitectures"),
      };
    }),
    syscalls: listOf(file["syscalls"], "syscalls").map(ruleOf),
  };
}

function ruleOf(value: unknown): SeccompFileRule {
  const rule = objectOf(value, "syscalls");
  // Older files have one name a rule.
  const names = rule["names"] === undefined && rule["name"] !== undefined ? [textOf(rule["name"], "name")] : rule["names"];
  return {
    names: textsOf(names, "names"),
    action: actionOf(rule["action"], "action"),
    ...optionalNumber("errnoRet", rule["errnoRet"]),
    args: listOf(rule["args"], "args").map(argumentOf),
    includes: conditionOf(rule["includes"], "includes"),
    excludes: conditionOf(rule["excludes"], "excludes"),
  };
}

function argumentOf(value: unknown): SeccompArgument {
  const argument = objectOf(value, "args");
  return {
    index: numberOf(argument["index"], "index"),
    value: numberOf(argument["value"], "value"),
    ...optionalNumber("valueTwo", argument["valueTwo"]),
    op: textOf(argument["op"], "op"),
  };
}

function conditionOf(value: unknown, name: string): SeccompCondition {
  const condition = objectOf(value ?? {}, name);
  const kernel = condition["minKernel"];
  return {
    caps: textsOf(condition["caps"], "caps"),
    arches: textsOf(condition["arches"], "arches"),
    minKernel: kernel === undefined ? undefined : textOf(kernel, "minKernel"),
  };
}

function actionOf(value: unknown, name: string): string {
  const text = textOf(value, name);
  if (ACTION.test(text) && text !== "SCMP_ACT_NOTIFY") return text;
  throw new TypeError(`"${name}" is no action, such as SCMP_ACT_ALLOW or SCMP_ACT_ERRNO`);
}

function objectOf(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError(`${name} is no object`);
  return value as Readonly<Record<string, unknown>>;
}

/** Absent and `null` are an empty list, as Go writes them. */
function listOf(value: unknown, name: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new TypeError(`"${name}" is no list`);
  return value;
}

function textsOf(value: unknown, name: string): readonly string[] {
  return listOf(value, name).map((each) => textOf(each, name));
}

function textOf(value: unknown, name: string): string {
  if (typeof value !== "string" || value.includes("\0")) throw new TypeError(`"${name}" is no text`);
  return value;
}

function numberOf(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError(`"${name}" is no whole number from 0`);
}

function optionalNumber<Name extends string>(name: Name, value: unknown): Partial<Record<Name, number>> {
  return value === undefined || value === null ? {} : ({ [name]: numberOf(value, name) } as Partial<Record<Name, number>>);
}
