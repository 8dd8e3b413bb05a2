import { VarveError } from "../../core/errors.js";
import { parseCommitId, parseLayerId, type RefName } from "../../core/model/ids.js";
import {
  CONTAINER_NAME,
  RESTART_NAMES,
  type Background,
  type ContainerRecord,
  type RestartPolicy,
  type RunConfiguration,
  type Volume,
} from "../../core/ports/containers.js";
import { CONTAINER_NETWORK } from "../../core/ports/endpoints.js";
import { NETWORK_NAME } from "../../core/ports/networks.js";
import { VOLUME_NAME } from "../../core/ports/volumes.js";
import { isRefName } from "../../core/revision/ref-names.js";
import { choiceOf, integerOf, listOf, objectOf, optional, textOf, textsOf, truthOf, type Json } from "../checked-json.js";
import { endpointOf } from "../network/stored-endpoint.js";
import { isolationOf } from "./stored-isolation.js";
import { storedLimits } from "./stored-limits.js";

/** What `containers/<id>/container.json` holds. */
export interface StoredContainer {
  readonly record: ContainerRecord;
  /** Which `upper.<n>` and `work.<n>` are in use. */
  readonly generation: number;
}

export function formatContainer({ record, generation }: StoredContainer): string {
  return `${JSON.stringify({ ...record, generation }, undefined, 2)}\n`;
}

/** What was read last: a command reads one record several times, and that of a deep commit names thousands of layers. */
let last: { readonly text: string; readonly id: string; readonly stored: StoredContainer } | undefined;

/**
 * Reads a record as hostile text: each part is checked, what is unknown is dropped.
 *
 * @param id The directory's name, which the record must repeat.
 * @param path For the error alone.
 * @throws VarveError STORE_DAMAGED.
 */
export function parseContainer(text: string, id: string, path: string): StoredContainer {
  if (last?.id === id && last.text === text) return last.stored;
  try {
    const json = objectOf(JSON.parse(text), "the record");
    if (json["id"] !== id) throw new TypeError(`"id" is not ${JSON.stringify(id)}`);
    const stored = { record: recordOf(json, id), generation: integerOf(json["generation"], "generation", 1) };
    last = { text, id, stored };
    return stored;
  } catch (error) {
    throw new VarveError("STORE_DAMAGED", `Cannot read the container's record: ${(error as Error).message}`, {
      path,
      hint: `"varve rm" can't remove it; delete the directory ${JSON.stringify(id)} when nothing of it is wanted.`,
      cause: error,
    });
  }
}

function recordOf(json: Json, id: string): ContainerRecord {
  return {
    id,
    name: nameOf(json["name"]),
    branch: branchOf(json["branch"]),
    ...optional("branchMadeAt", json["branchMadeAt"], parseCommitId),
    base: parseCommitId(json["base"]),
    layers: listOf(json["layers"], "layers", parseLayerId),
    created: textOf(json["created"], "created"),
    configuration: configurationOf(objectOf(json["configuration"], "configuration")),
    ...(json["oomKilled"] === true ? { oomKilled: true } : {}),
    ...optional("exitCode", json["exitCode"], (value, name) => integerOf(value, name, 0, 255)),
  };
}

function configurationOf(json: Json): RunConfiguration {
  return {
    command: textsOf(json["command"], "command"),
    environment: textsOf(json["environment"], "environment"),
    workingDirectory: textOf(json["workingDirectory"], "workingDirectory"),
    user: textOf(json["user"], "user"),
    hostname: textOf(json["hostname"], "hostname"),
    network: networkOf(json["network"]),
    ...optional("endpoint", json["endpoint"], endpointOf),
    ...optional("exposed", json["exposed"], textsOf),
    terminal: truthOf(json["terminal"], "terminal"),
    interactive: truthOf(json["interactive"], "interactive"),
    readOnly: truthOf(json["readOnly"], "readOnly"),
    volumes: listOf(json["volumes"], "volumes", volumeOf),
    limits: storedLimits(json["limits"]),
    ...optional("oomScoreAdjustment", json["oomScoreAdjustment"], (score, name) => integerOf(score, name, -1000, 1000)),
    ...isolationOf(json),
    ...optional("background", json["background"], backgroundOf),
  };
}

function backgroundOf(value: unknown): Background {
  const json = objectOf(value, "background");
  const restart = objectOf(json["restart"], "restart");
  const name = textOf(restart["name"], "restart");
  if (!RESTART_NAMES.includes(name)) throw new TypeError('"restart" is no restart policy');
  return {
    restart: { name, ...optional("most", restart["most"], (most) => integerOf(most, "most", 1)) } as RestartPolicy,
    ...(json["removed"] === true ? { removed: true } : {}),
    ...optional("logBytes", json["logBytes"], (bytes) => integerOf(bytes, "logBytes", 1)),
  };
}

function volumeOf(value: unknown): Volume {
  const json = objectOf(value, "volumes");
  if (json["named"] === true && !VOLUME_NAME.test(textOf(json["source"], "source")))
    throw new TypeError('"source" names no volume');
  if (json["anonymous"] === true && json["named"] !== true) throw new TypeError('"anonymous" is for volumes');
  return {
    source: textOf(json["source"], "source"),
    destination: textOf(json["destination"], "destination"),
    readOnly: truthOf(json["readOnly"], "readOnly"),
    ...optional("named", json["named"], truthOf),
    ...optional("anonymous", json["anonymous"], truthOf),
    ...optional("noCopy", json["noCopy"], truthOf),
    ...optional("propagation", json["propagation"], (each, name) => choiceOf(each, name, PROPAGATIONS)),
    ...optional("shallow", json["shallow"], truthOf),
  };
}

const PROPAGATIONS = ["private", "rprivate", "slave", "rslave"] as const;

function nameOf(value: unknown): string {
  const text = textOf(value, "name");
  if (!CONTAINER_NAME.test(text)) throw new TypeError('"name" is no name of a container');
  return text;
}

function branchOf(value: unknown): RefName {
  const text = textOf(value, "branch");
  if (!isRefName(text)) throw new TypeError('"branch" is no full ref name');
  return text as RefName;
}

function networkOf(value: unknown): string {
  const text = textOf(value, "network");
  if (NETWORK_NAME.test(text) || CONTAINER_NETWORK.test(text)) return text;
  throw new TypeError('"network" is no name of a network');
}
