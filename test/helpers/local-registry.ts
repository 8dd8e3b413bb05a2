import { spawn, spawnSync } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import type { ExecutionContext } from "ava";
import type { NetworkRoom } from "./network-room.js";
import { temporaryDirectory } from "./temporary-directory.js";

export interface RegistrySetup {
  /** `htpasswd`: `USER` and `PASSWORD`. A token server: its realm, and the certificate that its tokens are signed by. */
  readonly auth?: "htpasswd" | { readonly realm: string; readonly certificate: string };
  /** `mutual`: it wants a certificate of the same authority from its clients. */
  readonly tls?: boolean | "mutual";
  /** Where it listens: `0.0.0.0`, which no rule takes for this machine, though it is. */
  readonly address?: string;
  /** It deletes nothing, as it is without further words. */
  readonly isAppendOnly?: boolean;
  /** Where it listens on port 5000, which only what runs there reaches. */
  readonly room?: NetworkRoom;
}

export interface LocalRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** The certificate of its authority, with `tls`. */
  readonly authority: string | undefined;
  /** Where it keeps what it has. */
  readonly storage: string;
  /** What it was asked so far, from its log: `GET /v2/`. */
  requests(): readonly string[];
  /** The same, with status and bytes of the answer: `GET /v2/ 200 2`. */
  answers(): readonly string[];
  stop(): void;
}

/** What its certificate is for, too: a name that nobody but a proxy knows. */
export const NAMED = "registry.test";
/** Of the registry with htpasswd. */
export const USER = "varve";
export const PASSWORD = "canary: pässword";
/** What a registry says of itself as the audience of tokens. */
export const SERVICE = "registry.test";
export const ISSUER = "token-server.test";

/** docker-registry of Debian, on a free port, with an empty storage of its own. It ends with the test. */
export async function startRegistry(t: ExecutionContext, setup: RegistrySetup = {}): Promise<LocalRegistry> {
  const folder = temporaryDirectory(t);
  const { address = "127.0.0.1", room } = setup;
  const certificates = setup.tls !== undefined && setup.tls !== false ? makeCertificates(folder, address) : undefined;
  for (let tries = 1; ; tries += 1) {
    const host = `${address}:${room === undefined ? await freePort(address) : 5000}`;
    const file = path.join(folder, "config.json");
    // It reads YAML, which JSON is.
    writeFileSync(file, JSON.stringify(configuration(folder, host, setup, certificates)));
    const access = path.join(folder, "access.log");
    const log = openSync(access, "a");
    const [program, ...words] = [...(room?.words ?? []), "docker-registry", "serve", file];
    const child = spawn(program!, words, {
      stdio: ["ignore", log, "pipe"],
      env: { PATH: process.env["PATH"] },
    });
    closeSync(log);
    let talk = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (talk = (talk + text).slice(-4000)));
    const stop = (): void => void child.kill("SIGKILL");
    t.teardown(stop);
    if (await listens(host, room, () => child.exitCode === null)) {
      return {
        host,
        authority: certificates?.authority,
        storage: path.join(folder, "storage"),
        stop,
        requests: () => answersIn(access).map((line) => line.replace(/ \d+ \d+$/, "")),
        answers: () => answersIn(access),
      };
    }
    stop();
    if (tries === 5) throw new RangeError(`docker-registry does not start: ${talk}`);
  }
}

function answersIn(file: string): readonly string[] {
  const found = [...readFileSync(file, "utf8").matchAll(/"([A-Z]+ \S+) HTTP\/1\.1" (\d+) (\d+)/g)];
  return found.map(([, request, status, bytes]) => `${request} ${status} ${bytes}`);
}

function configuration(
  folder: string,
  host: string,
  { auth, tls, isAppendOnly }: RegistrySetup,
  made: Certificates | undefined,
): object {
  const clients = tls === "mutual" ? { clientcas: [made?.authority] } : {};
  return {
    version: "0.1",
    log: { level: "warn", accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: path.join(folder, "storage") }, delete: { enabled: isAppendOnly !== true } },
    http: {
      addr: host,
      secret: "of the test",
      ...(made && { tls: { certificate: made.certificate, key: made.key, ...clients } }),
    },
    ...(auth && { auth: auth === "htpasswd" ? { htpasswd: { realm: "test", path: htpasswd(folder) } } : tokens(auth) }),
  };
}

function tokens({ realm, certificate }: { readonly realm: string; readonly certificate: string }): object {
  return { token: { realm, service: SERVICE, issuer: ISSUER, rootcertbundle: certificate } };
}

function htpasswd(folder: string): string {
  const { status, stdout, stderr } = spawnSync("htpasswd", ["-nbB", "-C", "4", USER, PASSWORD], { encoding: "utf8" });
  if (status !== 0) throw new RangeError(`htpasswd: ${stderr}`);
  const file = path.join(folder, "htpasswd");
  writeFileSync(file, stdout);
  return file;
}

export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** An authority of its own, and a certificate for an address that it has signed. */
export function makeCertificates(folder: string, address: string): Certificates {
  const at = (name: string): string => path.join(folder, name);
  const openssl = (...words: readonly string[]): void => {
    const { status, stderr } = spawnSync("openssl", words, { cwd: folder, encoding: "utf8" });
    if (status !== 0) throw new RangeError(`openssl ${words[0] ?? ""}: ${stderr}`);
  };
  const key = (name: string): void => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeFileSync(at(name), privateKey.export({ type: "pkcs8", format: "pem" }));
  };
  key("authority.key");
  key("server.key");
  openssl("req", "-x509", "-new", "-key", "authority.key", "-subj", "/CN=authority", "-days", "2", "-out", "authority.crt");
  openssl("req", "-new", "-key", "server.key", "-subj", "/CN=server", "-out", "server.csr");
  writeFileSync(at("names"), `subjectAltName=IP:${address},DNS:localhost,DNS:${NAMED}\n`);
  const signing = ["-CA", "authority.crt", "-CAkey", "authority.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
  openssl("x509", "-req", "-in", "server.csr", ...signing, "-out", "server.crt");
  return { authority: at("authority.crt"), certificate: at("server.crt"), key: at("server.key") };
}

function freePort(address: string): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.listen(0, address, () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function listens(host: string, room: NetworkRoom | undefined, runs: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < 400 && runs(); tries += 1) {
    const isThere =
      room === undefined ? await takes(host) : room.call("bash", "-c", `: </dev/tcp/${host.replace(":", "/")}`).status === 0;
    if (isThere && runs()) return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return false;
}

async function takes(host: string): Promise<boolean> {
  const [address, port] = host.split(":");
  const socket = net.connect(Number(port), address);
  const isThere = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
  socket.destroy();
  return isThere;
}

/** The name by which a token says which key has signed it: libtrust's, in base32. */
export function keyId(publicKey: Buffer): string {
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...createHash("sha256").update(publicKey).digest().subarray(0, 30)]
    .map((byte) => byte.toString(2).padStart(8, "0"))
    .join("");
  const letters = (bits.match(/.{5}/g) ?? []).map((five) => ALPHABET[Number.parseInt(five, 2)]).join("");
  return (letters.match(/.{4}/g) ?? []).join(":");
}
