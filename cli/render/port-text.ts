import type { PublishedPort } from "../../core/ports/endpoints.js";

/** `80/tcp -> 0.0.0.0:8080`. */
export function portLine(port: PublishedPort): string {
  return `${port.containerPort}/${port.protocol} -> ${hostPlace(port)}`;
}

export function hostPlace({ hostAddress, hostPort }: PublishedPort): string {
  return `${hostAddress === "" ? "0.0.0.0" : hostAddress}:${hostPort}`;
}

export function portJson({ hostAddress, hostPort, containerPort, protocol }: PublishedPort): Record<string, unknown> {
  return { containerPort, protocol, hostAddress: hostAddress === "" ? "0.0.0.0" : hostAddress, hostPort };
}
