import { VarveError } from "../../core/errors.js";
import { NETWORK_NAME, type NetworkRecord } from "../../core/ports/networks.js";
import { isMemberAddress, parseAddress, parseSubnet } from "./ipv4.js";

/** What bridges of ours are called: a record must not name another device of this machine. */
const INTERFACE_NAME = /^vrv[0-9a-f]{10}$/;

export function interfaceNameOf(id: string): string {
  return `vrv${id.slice(0, 10)}`;
}

export function formatNetwork(record: NetworkRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

/** @param path For the error alone. @throws VarveError STORE_DAMAGED. */
export function parseNetwork(text: string, path: string): NetworkRecord {
  try {
    return networkOf(JSON.parse(text));
  } catch (error) {
    throw new VarveError("STORE_DAMAGED", `Cannot read the network's record: ${(error as Error).message}`, {
      path,
      hint: "Delete the file, then make the network anew.",
      cause: error,
    });
  }
}

/** Reads a record as hostile text: each part is checked, what is unknown is dropped. @throws TypeError. */
export function networkOf(value: unknown): NetworkRecord {
  const json = objectOf(value, "the record");
  const record: NetworkRecord = {
    name: matching(json["name"], "name", NETWORK_NAME),
    id: matching(json["id"], "id", /^[0-9a-f]{64}$/),
    subnet: matching(json["subnet"], "subnet", /^[0-9./]+$/),
    gateway: matching(json["gateway"], "gateway", /^[0-9.]+$/),
    interfaceName: matching(json["interfaceName"], "interfaceName", INTERFACE_NAME),
    internal: json["internal"] === true,
    dns: json["dns"] === true,
    created: matching(json["created"], "created", /^[0-9TZ:.-]{1,40}$/),
  };
  const subnet = parseSubnet(record.subnet);
  const gateway = parseAddress(record.gateway);
  if (subnet === undefined) throw new TypeError('"subnet" is no subnet');
  if (gateway === undefined || !isMemberAddress(subnet, gateway)) throw new TypeError('"gateway" is no address of the subnet');
  return record;
}

export type Json = Readonly<Record<string, unknown>>;

export function objectOf(value: unknown, name: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError(`${name} is no object`);
  return value as Json;
}

export function matching(value: unknown, name: string, pattern: RegExp): string {
  if (typeof value !== "string" || !pattern.test(value)) throw new TypeError(`"${name}" is not of the form that it must have`);
  return value;
}
