import { VarveError } from "../../core/errors.js";

const LONGEST_SAID = 200;

/** An answer that breaks the protocol. @param state What is wrong with it: "its tag list is no JSON". */
export function invalidAnswer(host: string, state: string): VarveError {
  return new VarveError("REGISTRY_INVALID", `Cannot use the answer of ${JSON.stringify(host)}: ${state}`, {
    hint: "The registry, or a proxy before it, is damaged or was made to do harm. Try again, or take the image from somewhere else.",
  });
}

export function unreachable(host: string, state: string, hint: string, cause?: unknown): VarveError {
  return new VarveError("REGISTRY_UNREACHABLE", `Cannot reach the registry ${JSON.stringify(host)}: ${state}`, { hint, cause });
}

export function denied(host: string, state: string): VarveError {
  return new VarveError("REGISTRY_DENIED", `Cannot use the registry ${JSON.stringify(host)}: ${state}`, {
    hint: `Log in as a user who may do that: varve login ${host}`,
  });
}

/** Of name and password, or a token, that the registry was sent. @param who Who refuses them. */
export function wrongCredentials(host: string, who = "it"): VarveError {
  return new VarveError("REGISTRY_DENIED", `Cannot use the registry ${JSON.stringify(host)}: ${who} refuses the credentials`, {
    hint: `Check name and password, or token, and log in with those that are right: varve login ${host}`,
  });
}

/**
 * @param what Such as `the manifest "v1" of team/app`.
 * @param repository Whose tags may help who asked.
 */
export function unknownImage(host: string, what: string, repository?: string): VarveError {
  const tags = repository === undefined ? "" : ` See what tags there are: varve images --remote ${host}/${repository}.`;
  return new VarveError("IMAGE_UNKNOWN", `Cannot find ${what}: the registry ${JSON.stringify(host)} has none`, {
    hint: `Check the name.${tags} If you may see it only when logged in: varve login ${host}`,
  });
}

/** A piece of what somebody else wrote, for a message: one line, not long, none of our secrets. */
export function quoted(text: string, secrets: readonly string[] = []): string {
  const hidden = secrets.filter((secret) => secret !== "").reduce((rest, secret) => rest.replaceAll(secret, "***"), text);

  const line = hidden.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
  return line.length > LONGEST_SAID ? `${line.slice(0, LONGEST_SAID)}…` : line;
}
