import { ALL_CAPABILITIES, CAPABILITIES } from "../../core/isolation/capabilities.js";
import { seccompFileOf } from "../../core/isolation/seccomp-rules.js";
import { ULIMITS } from "../../core/isolation/ulimit-names.js";
import type {
  DeviceRequest,
  Isolation,
  NameLookup,
  Namespaces,
  Security,
  StopRequest,
  Tmpfs,
  Ulimit,
} from "../../core/ports/isolation.js";
import { choiceOf, integerOf, listOf, objectOf, optional, textOf, textsOf, textTableOf, truthOf } from "../checked-json.js";

/** The part of a record's configuration that says what its process may do and see. @throws TypeError. */
export function isolationOf(json: Readonly<Record<string, unknown>>): Isolation {
  return {
    ...optional("security", json["security"], securityOf),
    ...optional("tmpfs", json["tmpfs"], (value, name) => listOf(value, name, tmpfsOf)),
    ...optional("devices", json["devices"], (value, name) => listOf(value, name, deviceOf)),
    ...optional("ulimits", json["ulimits"], (value, name) => listOf(value, name, ulimitOf)),
    ...optional("sysctls", json["sysctls"], textTableOf),
    ...optional("groups", json["groups"], textsOf),
    ...optional("names", json["names"], namesOf),
    ...optional("namespaces", json["namespaces"], namespacesOf),
    ...optional("shmBytes", json["shmBytes"], (value, name) => integerOf(value, name, 1)),
    ...optional("init", json["init"], truthOf),
    ...optional("stop", json["stop"], stopOf),
    ...optional("labels", json["labels"], textTableOf),
    ...optional("platform", json["platform"], platformOf),
  };
}

function securityOf(value: unknown): Security {
  const json = objectOf(value, "security");
  return {
    ...optional("added", json["added"], capabilitiesOf),
    ...optional("dropped", json["dropped"], capabilitiesOf),
    ...optional("privileged", json["privileged"], truthOf),
    ...optional("seccomp", json["seccomp"], seccompOf),
    ...optional("newPrivileges", json["newPrivileges"], truthOf),
    ...optional("systemPaths", json["systemPaths"], truthOf),
  };
}

function capabilitiesOf(value: unknown, name: string): readonly string[] {
  return listOf(value, name, (each) => choiceOf(each, name, [ALL_CAPABILITIES, ...CAPABILITIES]));
}

function seccompOf(value: unknown): NonNullable<Security["seccomp"]> {
  if (value === "unconfined") return value;
  seccompFileOf(value);
  return value as Readonly<Record<string, unknown>>;
}

function tmpfsOf(value: unknown): Tmpfs {
  const json = objectOf(value, "tmpfs");
  return { destination: placeOf(json["destination"], "destination"), options: textsOf(json["options"], "options") };
}

function deviceOf(value: unknown): DeviceRequest {
  const json = objectOf(value, "devices");
  const access = textOf(json["access"], "access");
  if (!/^[rwm]{1,3}$/.test(access)) throw new TypeError('"access" is not of r, w and m');
  return {
    source: placeOf(json["source"], "source"),
    destination: placeOf(json["destination"], "destination"),
    access,
  };
}

function placeOf(value: unknown, name: string): string {
  const text = textOf(value, name);
  if (!text.startsWith("/")) throw new TypeError(`"${name}" is no absolute path`);
  return text;
}

function ulimitOf(value: unknown): Ulimit {
  const json = objectOf(value, "ulimits");
  return {
    name: choiceOf(json["name"], "name", Object.keys(ULIMITS)),
    soft: integerOf(json["soft"], "soft", -1),
    hard: integerOf(json["hard"], "hard", -1),
  };
}

function namesOf(value: unknown): NameLookup {
  const json = objectOf(value, "names");
  const host = (each: unknown): { name: string; address: string } => {
    const { name, address } = objectOf(each, "hosts");
    return { name: lineOf(name, "name"), address: lineOf(address, "address") };
  };
  const lines = (each: unknown, name: string): readonly string[] => listOf(each, name, (line) => lineOf(line, name));
  return {
    ...optional("hosts", json["hosts"], (list, name) => listOf(list, name, host)),
    ...optional("servers", json["servers"], lines),
    ...optional("search", json["search"], lines),
    ...optional("options", json["options"], lines),
  };
}

/** What stands in a line of a file among others. */
function lineOf(value: unknown, name: string): string {
  const text = textOf(value, name);
  if (!/^\S+$/.test(text)) throw new TypeError(`"${name}" is no word`);
  return text;
}

function namespacesOf(value: unknown): Namespaces {
  const json = objectOf(value, "namespaces");
  const namespace = (each: unknown, name: string): string => {
    const text = textOf(each, name);
    if (text !== "host" && !text.startsWith("container:")) throw new TypeError(`"${name}" is neither "host" nor a container's`);
    return text;
  };
  return {
    ...optional("pid", json["pid"], namespace),
    ...optional("ipc", json["ipc"], namespace),
    ...optional("uts", json["uts"], namespace),
  };
}

function stopOf(value: unknown): StopRequest {
  const json = objectOf(value, "stop");
  return {
    ...optional("signal", json["signal"], (each, name) => integerOf(each, name, 1, 64)),
    ...optional("seconds", json["seconds"], (each, name) => integerOf(each, name, 0)),
  };
}

function platformOf(value: unknown): NonNullable<Isolation["platform"]> {
  const json = objectOf(value, "platform");
  return { os: textOf(json["os"], "os"), architecture: textOf(json["architecture"], "architecture") };
}
