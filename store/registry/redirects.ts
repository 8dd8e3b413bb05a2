import { invalidAnswer } from "./registry-fault.js";
import { isLoopback, leadsHere, mayBePlain, type InsecureHosts } from "./registry-address.js";

const LONGEST_URL = 8192;

/**
 * Where an answer leads: a redirect, or the place of an upload. It is somebody else's word, so that it may not lead to where the transport is
 * weaker, nor to services of this machine.
 *
 * @throws VarveError REGISTRY_INVALID.
 */
export function targetOf(from: URL, location: string | undefined, insecure: InsecureHosts): URL {
  const refuse = (state: string): never => {
    throw invalidAnswer(from.host, state);
  };
  if (location === undefined || location === "") return refuse("it leads on, but does not say where");
  if (location.length > LONGEST_URL || !URL.canParse(location, from.href)) return refuse("it leads to no URL");
  const target = new URL(location, from);
  if (target.protocol !== "https:" && target.protocol !== "http:") return refuse(`it leads to a ${target.protocol} URL`);
  if (target.username !== "" || target.password !== "") return refuse("it leads to a URL with a password");
  if (target.protocol === "http:" && from.protocol === "https:") return refuse(`it leads from https to http, on ${target.host}`);
  if (target.protocol === "http:" && !mayBePlain(target, insecure)) return refuse(`it leads to http, on ${target.host}`);
  if (leadsHere(target.hostname) && !isLoopback(from.hostname) && target.origin !== from.origin) {
    return refuse(`it leads to this machine, ${target.host}`);
  }
  target.hash = "";
  return target;
}
