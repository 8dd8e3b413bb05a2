import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { NameLookup } from "../../core/ports/isolation.js";

/** Adds to a container's hosts file, and replaces parts of its resolv.conf, by what was asked for. Both stand in `folder`. */
export function addLookups(folder: string, names: NameLookup): void {
  const hosts = (names.hosts ?? []).map(({ name, address }) => `${address}\t${name}\n`);
  if (hosts.length > 0) appendFileSync(path.join(folder, "hosts"), hosts.join(""));
  const resolver = path.join(folder, "resolv.conf");
  const before = readFileSync(resolver, "utf8");
  const after = resolverText(before, names);
  if (after !== before) writeFileSync(resolver, after);
}

/** A resolv.conf of which what is given replaces what it says of that. A search for "." is none. */
export function resolverText(text: string, { servers, search, options }: NameLookup): string {
  const replaced = [
    ...(servers === undefined ? [] : ["nameserver"]),
    ...(search === undefined ? [] : ["search", "domain"]),
    ...(options === undefined ? [] : ["options"]),
  ];
  if (replaced.length === 0) return text;
  const domains = (search ?? []).filter((domain) => domain !== ".");
  const kept = text.split("\n").filter((line) => line !== "" && !replaced.includes(line.trim().split(/\s/, 1)[0] ?? ""));
  const lines = [
    ...kept,
    ...(domains.length === 0 ? [] : [`search ${domains.join(" ")}`]),
    ...(servers ?? []).map((server) => `nameserver ${server}`),
    ...(options === undefined || options.length === 0 ? [] : [`options ${options.join(" ")}`]),
  ];
  return lines.map((line) => `${line}\n`).join("");
}
