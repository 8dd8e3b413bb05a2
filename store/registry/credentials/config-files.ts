import path from "node:path";
import { VarveError } from "../../../core/errors.js";
import { readRegularFile } from "../../../linux/regular-file.js";
import { errnoOf, systemFailure } from "../../system-failure.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** A file of docker's form: `auths`, `credHelpers`, `credsStore`, and whatever else it holds. */
export interface ConfigFile {
  readonly file: string;
  readonly config: Readonly<Record<string, unknown>>;
}

const LARGEST_FILE_BYTES = 4 << 20;

/**
 * Where credentials may stand, the first to be asked first. What a variable names comes before what is there by default; docker's file before
 * podman's, since `login` writes docker's.
 */
export function configPlaces(environment: Environment): readonly string[] {
  const { REGISTRY_AUTH_FILE: named, XDG_RUNTIME_DIR: runtime, HOME: home } = environment;
  return [
    ...(isSet(named) ? [named] : []),
    ...dockerPlace(environment),
    ...(isSet(runtime) ? [path.join(runtime, "containers/auth.json")] : []),
    ...(isSet(home) ? [path.join(home, ".config/containers/auth.json")] : []),
  ];
}

/** The file that `login` and `logout` change. @throws VarveError USAGE where no home is. */
export function writtenPlace(environment: Environment): string {
  const { REGISTRY_AUTH_FILE: named } = environment;
  const place = isSet(named) ? named : dockerPlace(environment)[0];
  if (place !== undefined) return place;
  throw new VarveError("USAGE", "Cannot keep credentials: this user has no home", {
    hint: "Set HOME, or DOCKER_CONFIG to a directory.",
  });
}

function dockerPlace({ DOCKER_CONFIG: folder, HOME: home }: Environment): readonly string[] {
  if (isSet(folder)) return [path.join(folder, "config.json")];
  return isSet(home) ? [path.join(home, ".docker/config.json")] : [];
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}

/** @returns `undefined` for a file that is not there. @throws VarveError SOURCE_INVALID for one that can't be read as JSON: it must not be taken for empty. */
export function readConfigFile(file: string): ConfigFile | undefined {
  let bytes: Buffer;
  try {
    bytes = readRegularFile(file, { largest: LARGEST_FILE_BYTES, follow: true });
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    if (["EFTYPE", "EISDIR", "EFBIG"].includes(errnoOf(error) ?? ""))
      throw unreadable(file, "it is no regular file, or too large");
    throw systemFailure("read the credentials of registries", error, file);
  }
  // Docker takes an empty file for an empty object.
  if (bytes.toString("latin1").trim() === "") return { file, config: {} };
  try {
    const config: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof config === "object" && config !== null && !Array.isArray(config))
      return { file, config: config as ConfigFile["config"] };
  } catch {
    // Told below, without the cause: its words have a piece of the file.
  }
  throw unreadable(file, "the file holds no JSON object");
}

function unreadable(file: string, state: string): VarveError {
  return new VarveError("SOURCE_INVALID", `Cannot read the credentials of registries: ${state}`, {
    path: file,
    hint: "Mend the file, or move it away and log in again.",
  });
}
