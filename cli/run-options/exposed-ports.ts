import { VarveError } from "../../core/errors.js";
import type { PublishedPort } from "../../core/ports/endpoints.js";
import type { OptionValues } from "../command.js";
import { portRange } from "./port-range.js";

/** Ports that are named, and published by `-P` alone: docker's options. */
export const EXPOSE_OPTIONS = {
  "publish-all": {
    type: "boolean",
    alias: "P",
    describe: "Let a free port of this machine lead to each that the image or --expose names",
  },
  expose: { type: "string", array: true, value: "PORT[/udp]", describe: "Name a port, or a range, that -P publishes" },
} as const;

type ExposeValues = OptionValues<typeof EXPOSE_OPTIONS>;

type ContainerPort = Pick<PublishedPort, "containerPort" | "protocol">;

/** @param image As its config names them. @returns `80/tcp`, each once. @throws VarveError USAGE, SOURCE_INVALID. */
export function exposedPorts({ expose }: Pick<ExposeValues, "expose">, image: readonly string[]): readonly string[] {
  const ofImage = image.flatMap((text) => namesOf(text) ?? [text]);
  const given = expose.flatMap((text) => namesOf(text) ?? unreadable(text));
  return [...new Set([...ofImage, ...given])];
}

/**
 * What `-P` adds to the ports that `-p` names.
 * @param exposed As `exposedPorts` gives them. @throws VarveError UNSUPPORTED, SOURCE_INVALID for one that can't be published.
 */
export function publishedByAll(
  given: Pick<ExposeValues, "publish-all">,
  exposed: readonly string[],
  named: readonly ContainerPort[],
): readonly PublishedPort[] {
  if (!given["publish-all"]) return [];
  const key = ({ containerPort, protocol }: ContainerPort): string => `${containerPort}/${protocol}`;
  const taken = new Set(named.map(key));
  return exposed.filter((text) => !taken.has(text)).map((text) => ({ hostAddress: "", hostPort: 0, ...publishable(text) }));
}

/** `80`, `80/tcp`, `8000-8010/udp`. */
function namesOf(text: string): readonly string[] | undefined {
  const [, ports = "", protocol = "tcp"] = /^([\d-]+)(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  return portRange(ports)?.map((port) => `${port}/${protocol.toLowerCase()}`);
}

function publishable(text: string): ContainerPort {
  const [, ports = "", protocol] = /^(\d+)\/(tcp|udp)$/.exec(text) ?? [];
  const [containerPort] = portRange(ports) ?? [];
  if (containerPort !== undefined) return { containerPort, protocol: protocol as ContainerPort["protocol"] };
  const state = text.endsWith("/sctp") ? "wanted one of tcp or udp" : "it is no port";
  throw new VarveError(
    text.endsWith("/sctp") ? "UNSUPPORTED" : "SOURCE_INVALID",
    `Cannot publish "${text}", which the image exposes: ${state}`,
    { hint: "Leave -P out, and name those that are wanted with -p." },
  );
}

function unreadable(text: string): never {
  throw new VarveError(
    "USAGE",
    `Cannot read --expose "${text}": wanted PORT[/udp] or a range, such as 8000-8010; ports are 1 to 65535`,
  );
}
