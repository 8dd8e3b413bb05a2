import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CONTAINER_NAME } from "../../core/ports/containers.js";
import { ALIAS, HARDWARE_ADDRESS, type PublishedPort } from "../../core/ports/endpoints.js";
import { isUserNetwork, type NetworkRecord, type UserNetwork } from "../../core/ports/networks.js";
import { hasCode } from "../../linux/errno.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { parseAddress } from "./ipv4.js";
import type { ProcessMark } from "../own-process.js";
import type { NetworkMachine } from "./machine-id.js";
import { matching, networkOf, objectOf, type Json } from "./stored-network.js";

/**
 * A container's place on a network, kept in `containers/<id>/network.json` for as long as something of it may stand in the system. It is written before
 * that is made, and holds all that is needed to take it down: so a kill -9 leaves nothing that the next command does not find. It is the lease of the
 * address, too.
 */
export interface StoredAttachment {
  readonly machine: NetworkMachine;
  /** The container's id. */
  readonly id: string;
  readonly name: string;
  readonly network: NetworkRecord;
  readonly address: string;
  readonly aliases: readonly string[];
  readonly hardwareAddress?: string;
  readonly ports: readonly PublishedPort[];
}

/** The same of an ordinary user's container, whose network is a process: what is left of it is that process. */
export interface HelperAttachment {
  readonly tool: UserNetwork;
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly ports: readonly PublishedPort[];
  /** With it all processes of the network end. */
  readonly keeper: ProcessMark;
}

const LARGEST_BYTES = 2 ** 22;
const CONTAINER_ID = /^[0-9a-f]{12}$/;
const BOOT_ID = /^[0-9a-f-]{36}$/;

function fileOf(containers: string, id: string): string {
  return path.join(containers, id, "network.json");
}

/** Whole at any time. Not made durable: after a power cut nothing stands in the system that it could be about. */
export function writeAttachment(containers: string, attachment: StoredAttachment | HelperAttachment): void {
  const file = fileOf(containers, attachment.id);
  rmSync(`${file}.new`, { force: true });
  writeFileSync(`${file}.new`, JSON.stringify(attachment), { mode: 0o600, flag: "wx" });
  renameSync(`${file}.new`, file);
}

export function forgetAttachment(containers: string, id: string): void {
  rmSync(fileOf(containers, id), { force: true });
}

export function hasAttachment(containers: string, id: string): boolean {
  return existsSync(fileOf(containers, id));
}

/** @returns `undefined` when there is none, or none that we wrote: then nothing is known that could be taken down. */
export function readAttachment(containers: string, id: string): StoredAttachment | HelperAttachment | undefined {
  try {
    const text = readRegularFile(fileOf(containers, id), { largest: LARGEST_BYTES }).toString("utf8");
    const json = objectOf(JSON.parse(text), "the attachment");
    return json["tool"] === undefined ? attachmentOf(json, id) : helperAttachmentOf(json, id);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EFTYPE", "EFBIG", "EACCES")) return undefined;
    throw error;
  }
}

/** Of all containers beside each other that are on a bridge. */
export function listAttachments(containers: string): readonly StoredAttachment[] {
  return listAll(containers).filter((each): each is StoredAttachment => !isHelped(each));
}

/** Of all containers beside each other whose network is a process, which may have ended. */
export function listHelperAttachments(containers: string): readonly HelperAttachment[] {
  return listAll(containers).filter(isHelped);
}

export function isHelped(attachment: StoredAttachment | HelperAttachment): attachment is HelperAttachment {
  return "tool" in attachment;
}

function listAll(containers: string): readonly (StoredAttachment | HelperAttachment)[] {
  if (!existsSync(containers)) return [];
  return readdirSync(containers)
    .filter((name) => CONTAINER_ID.test(name))
    .flatMap((id) => readAttachment(containers, id) ?? []);
}

/** Reads it as hostile text. @throws TypeError. */
export function attachmentOf(value: unknown, id: string): StoredAttachment {
  const json = objectOf(value, "the attachment");
  const machine = objectOf(json["machine"], "machine");
  const hardwareAddress = json["hardwareAddress"];
  return {
    machine: { boot: matching(machine["boot"], "boot", BOOT_ID), namespace: integerOf(machine["namespace"], 2 ** 53) },
    id: matching(json["id"], "id", new RegExp(`^${id}$`)),
    name: matching(json["name"], "name", CONTAINER_NAME),
    network: networkOf(json["network"]),
    address: addressOf(json["address"]),
    aliases: aliasesOf(json["aliases"]),
    ...(hardwareAddress === undefined ? {} : { hardwareAddress: matching(hardwareAddress, "hardwareAddress", HARDWARE_ADDRESS) }),
    ports: portsOf(json["ports"]),
  };
}

/** @throws TypeError. */
function helperAttachmentOf(json: Json, id: string): HelperAttachment {
  const keeper = objectOf(json["keeper"], "keeper");
  const tool = json["tool"];
  if (typeof tool !== "string" || !isUserNetwork(tool)) throw new TypeError('"tool" is none that we know');
  return {
    tool,
    id: matching(json["id"], "id", new RegExp(`^${id}$`)),
    name: matching(json["name"], "name", CONTAINER_NAME),
    address: addressOf(json["address"]),
    ports: portsOf(json["ports"]),
    keeper: {
      pid: integerOf(keeper["pid"], 2 ** 31),
      start: matching(keeper["start"], "start", /^[0-9]{1,20}$/),
      boot: matching(keeper["boot"], "boot", BOOT_ID),
    },
  };
}

export function aliasesOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw new TypeError('"aliases" is no list');
  return value.map((alias) => matching(alias, "aliases", ALIAS));
}

export function addressOf(value: unknown): string {
  const text = matching(value, "address", /^[0-9.]+$/);
  if (parseAddress(text) === undefined) throw new TypeError('"address" is no address');
  return text;
}

export function portsOf(value: unknown): readonly PublishedPort[] {
  if (!Array.isArray(value)) throw new TypeError('"ports" is no list');
  return value.map((each) => portOf(objectOf(each, "a port")));
}

function portOf(json: Json): PublishedPort {
  return {
    hostAddress: json["hostAddress"] === "" ? "" : addressOf(json["hostAddress"]),
    hostPort: integerOf(json["hostPort"], 65_535),
    containerPort: integerOf(json["containerPort"], 65_535),
    protocol: matching(json["protocol"], "protocol", /^(tcp|udp)$/) as PublishedPort["protocol"],
  };
}

function integerOf(value: unknown, most: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most) return value as number;
  throw new TypeError(`a number is not from 0 to ${most}`);
}
