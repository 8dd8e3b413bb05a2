import { DEFAULT_REGISTRY } from "../../../core/image/image-reference.js";
import { objectOf } from "../read-json.js";
import { configPlaces, readConfigFile, type ConfigFile } from "./config-files.js";
import { helperCredentials } from "./credential-helper.js";
import { isSendable, type Credentials, type CredentialSource } from "./credentials.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** How docker calls its own registry where credentials are kept. */
export const DEFAULT_SERVER = "https://index.docker.io/v1/";

/** What `docker login`, `podman login` and `varve login` have kept. Read each time that it is asked for. */
export function storedCredentials(environment: Environment): CredentialSource {
  return async (registry, repository) => {
    for (const place of configPlaces(environment)) {
      const file = readConfigFile(place);
      const found = file === undefined ? undefined : await inFile(file, registry, repository, environment);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

async function inFile(
  { config }: ConfigFile,
  registry: string,
  repository: string | undefined,
  environment: Environment,
): Promise<Credentials | undefined> {
  const names = serverNames(registry);
  const name = helperOf(config, registry);
  if (name !== undefined) {
    const found = await helperCredentials({ name, environment }, names[0]!);
    if (found !== undefined) return found;
  }
  const auths = objectOf(config["auths"]);
  for (const wanted of [...partsOf(registry, repository), ...names]) {
    const key = Object.keys(auths).find((text) => text === wanted) ?? Object.keys(auths).find((text) => hostOf(text) === wanted);
    const found = key === undefined ? undefined : credentialsOf(objectOf(auths[key]));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What keeps the credentials of a registry, if it is not the file itself. */
export function helperOf(config: ConfigFile["config"], registry: string): string | undefined {
  const helpers = objectOf(config["credHelpers"]);
  const own = serverNames(registry)
    .map((name) => helpers[name])
    .find((value) => typeof value === "string" && value !== "");
  const name = own ?? config["credsStore"];
  return typeof name === "string" && name !== "" ? name : undefined;
}

/** The names under which a registry's credentials may be kept, the usual one first. */
export function serverNames(registry: string): readonly string[] {
  if (registry !== DEFAULT_REGISTRY && registry !== "index.docker.io") return [registry];
  return [DEFAULT_SERVER, DEFAULT_REGISTRY, "index.docker.io", "registry-1.docker.io"];
}

/** Podman keeps some for a part of a registry: the narrowest comes first. */
function partsOf(registry: string, repository: string | undefined): readonly string[] {
  const parts = repository?.split("/") ?? [];
  return parts.map((_, index) => [registry, ...parts.slice(0, parts.length - index)].join("/"));
}

/** Docker wrote whole URLs once: `https://HOST/v1/`. */
function hostOf(key: string): string | undefined {
  return /^https?:\/\/([^/]+)(?:\/(?:v1|v2)?\/?)?$/.exec(key)?.[1];
}

function credentialsOf(entry: Readonly<Record<string, unknown>>): Credentials | undefined {
  const { auth, identitytoken, registrytoken, username, password } = entry;
  if (typeof registrytoken === "string" && registrytoken !== "" && isSendable(registrytoken)) {
    return { kind: "registry-token", token: registrytoken };
  }
  if (typeof identitytoken === "string" && identitytoken !== "" && isSendable(identitytoken)) {
    return { kind: "identity", token: identitytoken };
  }
  const text = typeof auth === "string" ? Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "") : "";
  const colon = text.indexOf(":");
  if (colon > 0 && isSendable(text)) return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1) };
  const isPair = typeof username === "string" && typeof password === "string" && username !== "";
  return isPair && isSendable(username) && isSendable(password) ? { kind: "password", username, password } : undefined;
}
