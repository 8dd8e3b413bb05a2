import { lstatSync, mkdirSync, readlinkSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { syncDirectory, writeNewFile } from "../durable-file.js";
import { systemFailure } from "../system-failure.js";
import { dismiss } from "./answer-body.js";
import { readConfigFile, writtenPlace, type ConfigFile } from "./credentials/config-files.js";
import { eraseFromHelper, keepWithHelper } from "./credentials/credential-helper.js";
import { isSendable, type Credentials } from "./credentials/credentials.js";
import { helperOf, serverNames } from "./credentials/stored-credentials.js";
import { objectOf } from "./read-json.js";
import { registryAddress } from "./registry-address.js";
import { RegistryRequests, type RequestOptions } from "./registry-requests.js";

export type LoginOptions = Partial<Omit<RequestOptions, "credentials">>;

/** Where the credentials are kept now. */
export interface KeptCredentials {
  readonly file: string;
  /** The program that has them; `undefined` when they stand in the file, readable for who may read it. */
  readonly helper: string | undefined;
}

const MOST_LINKS = 16;

/**
 * Asks the registry whether it takes the credentials, and keeps them as docker does, so that docker and podman find them, too.
 *
 * @throws VarveError REGISTRY_DENIED, and then nothing is kept; BAD_NAME.
 */
export async function login(
  registry: string,
  { username, password }: { readonly username: string; readonly password: string },
  options: LoginOptions = {},
): Promise<KeptCredentials> {
  if (username === "" || username.includes(":") || !isSendable(username) || !isSendable(password)) {
    throw new VarveError(
      "BAD_NAME",
      "Cannot log in: a user's name may hold no colon, and neither it nor the password a control character",
    );
  }
  const environment = options.environment ?? process.env;
  // Before anything is asked: what can't be read can't be written either.
  const file = configToChange(environment);
  const credentials: Credentials = { kind: "password", username, password };
  const identity = await checkCredentials(registry, credentials, options);
  const server = serverNames(registry)[0]!;
  const helper = helperOf(file.config, registry);
  if (helper === undefined) {
    const auth = Buffer.from(`${username}:${identity === undefined ? password : ""}`).toString("base64");
    writeConfig(withEntry(file, server, { auth, ...(identity === undefined ? {} : { identitytoken: identity }) }));
  } else {
    const isIdentity = identity !== undefined;
    await keepWithHelper({ name: helper, environment }, server, { username, secret: identity ?? password, isIdentity });
    // Docker lists there what its helper has.
    writeConfig(withEntry(file, server, {}));
  }
  return { file: file.file, helper };
}

/** Forgets a registry's credentials. @returns Whether there were any. */
export async function logout(registry: string, { environment = process.env }: LoginOptions = {}): Promise<boolean> {
  registryAddress(registry);
  const file = configToChange(environment);
  const helper = helperOf(file.config, registry);
  const names = serverNames(registry);
  const wasKept = helper === undefined ? false : await eraseFromHelper({ name: helper, environment }, names[0]!);
  const auths = Object.entries(objectOf(file.config["auths"]));
  const left = auths.filter(([name]) => !names.includes(name));
  if (left.length < auths.length) writeConfig({ ...file, config: { ...file.config, auths: Object.fromEntries(left) } });
  return wasKept || left.length < auths.length;
}

/** Whether the registry takes them, as a whole: which repositories they are good for, only those tell. */
async function checkCredentials(registry: string, credentials: Credentials, options: LoginOptions): Promise<string | undefined> {
  const requests = new RegistryRequests(registryAddress(registry), undefined, {
    ...options,
    credentials: () => Promise.resolve(credentials),
  });
  try {
    const request = { method: "GET" as const, target: "/v2/", scopes: [], expected: [200], what: "its version" };
    dismiss(await requests.send(request));
    return await (await requests.authorization()).identity(credentials);
  } finally {
    requests.close();
  }
}

function configToChange(environment: Readonly<Record<string, string | undefined>>): ConfigFile {
  const file = linkTarget(writtenPlace(environment));
  return readConfigFile(file) ?? { file, config: {} };
}

/** People keep such files elsewhere and link to them: the link stays. */
function linkTarget(file: string): string {
  let place = file;
  for (let links = 0; links < MOST_LINKS; links += 1) {
    if (lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return place;
    place = path.resolve(path.dirname(place), readlinkSync(place));
  }
  return place;
}

function withEntry({ file, config }: ConfigFile, server: string, entry: Readonly<Record<string, string>>): ConfigFile {
  return { file, config: { ...config, auths: { ...objectOf(config["auths"]), [server]: entry } } };
}

/** All at once, for its owner alone: neither another program nor a power cut sees half of it. */
function writeConfig({ file, config }: ConfigFile): void {
  const folder = path.dirname(file);
  const scratch = `${file}.${process.pid}.tmp`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    rmSync(scratch, { force: true });
    writeNewFile(scratch, Buffer.from(`${JSON.stringify(config, undefined, "\t")}\n`), 0o600);
    renameSync(scratch, file);
    syncDirectory(folder);
  } catch (error) {
    rmSync(scratch, { force: true });
    throw systemFailure("keep the credentials", error, file);
  }
}
