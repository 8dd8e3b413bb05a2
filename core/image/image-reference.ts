import { VarveError } from "../errors.js";
import type { ImageReference } from "../model/image.js";

/** What a name without a registry is in. */
export const DEFAULT_REGISTRY = "docker.io";

const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const REGISTRY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::([0-9]{1,5}))?$`);
const PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}$/;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Characters of registry and repository together, as docker has it. */
const LONGEST_NAME = 255;
const HIGHEST_PORT = 65_535;

/**
 * Docker's grammar: `[registry/]repository[:tag][@digest]`. The first part is a registry when it holds a `.`, a `:` or an upper-case letter, or is
 * `localhost`.
 *
 * @throws VarveError BAD_NAME.
 */
export function parseImageReference(text: string): ImageReference {
  const at = text.indexOf("@");
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const beforeDigest = at === -1 ? text : text.slice(0, at);
  const colon = beforeDigest.lastIndexOf(":");
  const hasTag = colon > beforeDigest.lastIndexOf("/");
  const tag = hasTag ? beforeDigest.slice(colon + 1) : undefined;
  const { registry, repository } = splitName(hasTag ? beforeDigest.slice(0, colon) : beforeDigest);
  const fault =
    registryFault(registry) ??
    repositoryFault(registry, repository) ??
    (tag === undefined || isTag(tag)
      ? undefined
      : "its tag may have 1 to 128 letters, digits, _, . and -, the first no . or -") ??
    (digest === undefined || isDigest(digest) ? undefined : "its digest must be sha256: or sha512: and lower-case hex digits");
  if (fault !== undefined) throw badReference(text, fault);
  return { registry, repository, tag: tag ?? (digest === undefined ? "latest" : undefined), digest };
}

/** As docker shows it: without what is the same for everybody. */
export function shortImageName({ registry, repository, tag, digest }: ImageReference): string {
  const short = repository.startsWith("library/") ? repository.slice("library/".length) : repository;
  const name = registry === DEFAULT_REGISTRY ? short : `${registry}/${repository}`;
  return `${name}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** As docker shows it; what is no reference as it is. */
export function shortened(text: string): string {
  try {
    return shortImageName(parseImageReference(text));
  } catch (error) {
    if (error instanceof VarveError && error.code === "BAD_NAME") return text;
    throw error;
  }
}

/** Whether two texts name the same image, one of them perhaps without what is the same for everybody: `docker.io/library/debian:latest` is `debian`. */
export function isSameImage(one: string, other: string): boolean {
  return shortened(one) === shortened(other);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** Of an algorithm that is known here, lower-case: anything else could not be checked. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** Whether text may stand as a registry: `HOST`, `HOST:PORT`, `[IPV6]:PORT`. */
export function isRegistry(text: string): boolean {
  return registryFault(text) === undefined;
}

/** Whether text may stand as a repository of a registry. */
export function isRepository(text: string): boolean {
  return text.length <= LONGEST_NAME && text.split("/").every((part) => PART.test(part));
}

function splitName(name: string): Pick<ImageReference, "registry" | "repository"> {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  const registry = slash !== -1 && isHost ? first : DEFAULT_REGISTRY;
  const repository = slash !== -1 && isHost ? name.slice(slash + 1) : name;
  if (registry !== DEFAULT_REGISTRY && registry !== "index.docker.io") return { registry, repository };
  return { registry: DEFAULT_REGISTRY, repository: repository.includes("/") ? repository : `library/${repository}` };
}

function registryFault(registry: string): string | undefined {
  const match = REGISTRY.exec(registry);
  if (match === null || registry.length > LONGEST_NAME) return "its registry must be HOST or HOST:PORT";
  return Number(match[1] ?? 1) <= HIGHEST_PORT && Number(match[1] ?? 1) > 0 ? undefined : "its port must be one of 1 to 65535";
}

function repositoryFault(registry: string, repository: string): string | undefined {
  if (repository !== repository.toLowerCase()) return "its repository must be lower-case";
  if (!isRepository(repository)) return "its repository may have lower-case letters, digits, and . _ - between them";
  if (registry.length + 1 + repository.length > LONGEST_NAME) return `it is longer than ${LONGEST_NAME} characters`;
  // Docker takes these for the id of an image.
  return /^library\/[0-9a-f]{64}$/.test(repository) && registry === DEFAULT_REGISTRY
    ? "64 hex digits are an id, no name"
    : undefined;
}

function badReference(text: string, said: string): VarveError {
  const [scheme] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text) ?? [];
  const fault = scheme === undefined ? said : `it is a URL, wanted a name without "${scheme}"`;
  const shown = text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME)}…` : text;
  return new VarveError("BAD_NAME", `Cannot read ${JSON.stringify(shown)} as the name of an image: ${fault}`, {
    hint: "Write [REGISTRY/]REPOSITORY[:TAG][@DIGEST], such as debian:12 or localhost:5000/team/app:v1.",
  });
}
