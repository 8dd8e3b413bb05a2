import { spawn } from "node:child_process";
import { VarveError } from "../../../core/errors.js";
import type { Credentials } from "./credentials.js";
import { isSendable } from "./credentials.js";

/** A program `docker-credential-NAME`, which keeps credentials somewhere. @see docker-credential-helpers */
export interface CredentialHelper {
  readonly name: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** It may ask a person for the password of a key ring. */
const PATIENCE_MILLISECONDS = 5 * 60_000;
const LARGEST_OUTPUT_BYTES = 1 << 20;
const NOT_FOUND = /credentials not found in native keychain/i;
/** What stands as the user's name when the secret is an identity token. */
const IDENTITY = "<token>";

/** @param server The name that the credentials are kept under. @returns `undefined` when it has none. @throws VarveError REGISTRY_DENIED. */
export async function helperCredentials(helper: CredentialHelper, server: string): Promise<Credentials | undefined> {
  const { status, output } = await call(helper, "get", server, server);
  if (status !== 0 && NOT_FOUND.test(output)) return undefined;
  if (status !== 0) throw failed(helper, server, "it failed");
  try {
    const { Username: username, Secret: secret } = JSON.parse(output) as Readonly<Record<string, unknown>>;
    if (typeof username === "string" && typeof secret === "string" && isSendable(username) && isSendable(secret)) {
      if (username === "" && secret === "") return undefined;
      return username === IDENTITY ? { kind: "identity", token: secret } : { kind: "password", username, password: secret };
    }
  } catch {
    // Told below, without the cause: its words have a piece of the secret.
  }
  throw failed(helper, server, "its answer can't be read");
}

/** @throws VarveError REGISTRY_DENIED. */
export async function keepWithHelper(
  helper: CredentialHelper,
  server: string,
  credentials: { readonly username: string; readonly secret: string; readonly isIdentity: boolean },
): Promise<void> {
  const { username, secret, isIdentity } = credentials;
  const words = { ServerURL: server, Username: isIdentity ? IDENTITY : username, Secret: secret };
  const { status } = await call(helper, "store", JSON.stringify(words), server);
  if (status !== 0) throw failed(helper, server, "it does not keep them");
}

/** @returns Whether there were any. @throws VarveError REGISTRY_DENIED. */
export async function eraseFromHelper(helper: CredentialHelper, server: string): Promise<boolean> {
  const { status, output } = await call(helper, "erase", server, server);
  if (status !== 0 && !NOT_FOUND.test(output)) throw failed(helper, server, "it does not remove them");
  return status === 0;
}

type Action = "get" | "store" | "erase";

function call(
  helper: CredentialHelper,
  action: Action,
  input: string,
  server: string,
): Promise<{ status: number; output: string }> {
  // A name with a slash would be a path: the file with credentials chooses among installed programs, no more.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(helper.name)) throw failed(helper, server, "that is no name of a program");
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${helper.name}`, [action], {
      env: { ...helper.environment },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const fail = (state: string): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      // What it has started itself may hold the other end open.
      child.stdout.destroy();
      reject(failed(helper, server, state));
    };
    const timer = setTimeout(fail, PATIENCE_MILLISECONDS, "it does not end");
    const pieces: Buffer[] = [];
    let size = 0;
    child.stdout.on("data", (piece: Buffer) => {
      size += piece.length;
      pieces.push(piece);
      if (size > LARGEST_OUTPUT_BYTES) fail("it says too much");
    });
    child.once("error", () => fail("it is not installed, or may not be started"));
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ status: code ?? 1, output: Buffer.concat(pieces).toString("utf8") });
    });
    // One that ends without reading has said enough by its status.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/** Without its output, which may hold what is secret. */
function failed({ name }: CredentialHelper, server: string, state: string): VarveError {
  const program = JSON.stringify(`docker-credential-${name}`);
  return new VarveError("REGISTRY_DENIED", `Cannot get along with ${program} for ${JSON.stringify(server)}: ${state}`, {
    hint: `Install or mend the program, or take "${name}" out of credsStore and credHelpers of docker's config.json.`,
  });
}
