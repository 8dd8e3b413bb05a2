import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { ISSUER, keyId, PASSWORD, SERVICE, USER } from "./local-registry.js";
import { temporaryDirectory } from "./temporary-directory.js";

export interface TokenServerSetup {
  /** Seconds that a token is good for. */
  readonly lasts?: number;
  /** Gives an identity token to who asks for one. */
  readonly givesIdentities?: boolean;
}

export interface TestTokenServer {
  readonly realm: string;
  /** Signs the tokens. */
  readonly certificate: string;
  /** What was asked for: method, query or form, and Authorization. */
  readonly asked: readonly {
    readonly method: string;
    readonly words: URLSearchParams;
    readonly authorization: string | undefined;
  }[];
}

/** What `USER` gets in place of a password. */
export const IDENTITY = "canary-identity";

/** A token server as registries have: everybody may pull from `public`, `USER` may do anything. */
export async function startTokenServer(
  t: ExecutionContext,
  { lasts = 300, givesIdentities = false }: TokenServerSetup = {},
): Promise<TestTokenServer> {
  const folder = temporaryDirectory(t);
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const certificate = path.join(folder, "tokens.crt");
  writeFileSync(path.join(folder, "tokens.key"), privateKey.export({ type: "pkcs8", format: "pem" }));
  const words = ["req", "-x509", "-new", "-key", "tokens.key", "-subj", "/CN=tokens", "-days", "2", "-out", certificate];
  if (spawnSync("openssl", words, { cwd: folder }).status !== 0) throw new RangeError("openssl makes no certificate");

  const asked: TestTokenServer["asked"][number][] = [];
  const server = http.createServer((request, response) => {
    let form = "";
    request.setEncoding("utf8").on("data", (text: string) => (form += text));
    request.on("end", () => {
      const query = new URL(request.url ?? "", "http://server").searchParams;
      const given = request.method === "POST" ? new URLSearchParams(form) : query;
      const { authorization } = request.headers;
      asked.push({ method: request.method ?? "", words: given, authorization });
      const user = userOf(given, authorization);
      if (user === "refused") return void response.writeHead(401, { "www-authenticate": 'Basic realm="tokens"' }).end("{}");
      const token = tokenFor(
        user,
        given.getAll("scope").flatMap((scope) => scope.split(" ")),
        lasts,
        privateKey,
      );
      const identity = givesIdentities && given.get("offline_token") === "true" ? { refresh_token: IDENTITY } : {};
      response.setHeader("content-type", "application/json");
      const name = request.method === "POST" ? "access_token" : "token";
      response.end(JSON.stringify({ [name]: token, expires_in: lasts, ...identity }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  return { realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`, certificate, asked };
}

function userOf(words: URLSearchParams, authorization: string | undefined): string {
  if (words.get("grant_type") === "refresh_token") return words.get("refresh_token") === IDENTITY ? USER : "refused";
  if (authorization === undefined) return "";
  return authorization === `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}` ? USER : "refused";
}

function tokenFor(user: string, scopes: readonly string[], lasts: number, key: KeyObject): string {
  const access = scopes.filter(Boolean).flatMap((scope) => {
    const [type = "", name = "", actions = ""] = scope.split(":");
    const wanted = actions.split(",");
    const allowed = user === USER ? wanted : wanted.filter((action) => action === "pull" && name === "public");
    return [{ type, name, actions: allowed }];
  });
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: ISSUER,
    sub: user,
    aud: SERVICE,
    exp: now + lasts,
    nbf: now - 10,
    iat: now,
    jti: String(Math.random()),
    access,
  };
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  const text = [{ typ: "JWT", alg: "RS256", kid: keyId(spki) }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
}
