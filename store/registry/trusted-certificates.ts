import { readdirSync } from "node:fs";
import path from "node:path";
import tls, { type SecureContext } from "node:tls";
import { VarveError } from "../../core/errors.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { errnoOf, systemFailure } from "../system-failure.js";

/** Where docker and podman look for certificates of one registry, each in a folder that is named by it. */
export const CERTIFICATE_FOLDERS: readonly string[] = ["/etc/docker/certs.d", "/etc/containers/certs.d"];

/** Where distributions keep the authorities that this machine trusts; the first that is there counts, as for programs in Go. */
const OF_THE_SYSTEM = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];
const LARGEST_FILE_BYTES = 16 << 20;
const CERTIFICATE = "-----BEGIN CERTIFICATE-----";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What proves a host to us, and us to it. Parsing a system's authorities takes some 40 ms: call it for the first connection.
 *
 * Node itself has not read NODE_EXTRA_CA_CERTS: varve's launcher holds it back (docs/decisions/0007).
 *
 * @param host `HOST` or `HOST:PORT`, as its folder below certs.d is called.
 * @throws VarveError for certificates of that host which can't be read.
 */
export function trustFor(host: string, environment: Environment, folders: readonly string[]): SecureContext {
  const own = folders.map((folder) => certificatesOf(path.join(folder, host)));
  const authorities = [
    ...authoritiesOfMachine(environment["SSL_CERT_FILE"]),
    textOf(environment["NODE_EXTRA_CA_CERTS"]) ?? "",
    ...own.flatMap(({ authorities: texts }) => texts),
  ].filter((text) => text.includes(CERTIFICATE));
  const client = own.find(({ certificate }) => certificate !== undefined);
  try {
    return tls.createSecureContext({ ca: authorities, cert: client?.certificate, key: client?.key, minVersion: "TLSv1.2" });
  } catch (error) {
    throw new VarveError("SOURCE_INVALID", `Cannot use the certificates for ${JSON.stringify(host)}: one can't be read`, {
      hint: `Look at the files in ${folders.map((folder) => path.join(folder, host)).join(" and ")}.`,
      cause: error,
    });
  }
}

function authoritiesOfMachine(named: string | undefined): readonly string[] {
  if (named !== undefined && named !== "") return [textOf(named) ?? ""];
  for (const file of OF_THE_SYSTEM) {
    const text = textOf(file);
    if (text?.includes(CERTIFICATE) === true) return [text];
  }
  return tls.rootCertificates;
}

interface HostCertificates {
  readonly authorities: readonly string[];
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

/** Docker's names: each `NAME.crt` is an authority, `NAME.cert` with `NAME.key` is ours. */
function certificatesOf(folder: string): HostCertificates {
  const names = namesIn(folder);
  const certificate = names.find((name) => name.endsWith(".cert"));
  const key = certificate?.replace(/\.cert$/, ".key");
  if (key !== undefined && !names.includes(key)) {
    throw new VarveError(
      "SOURCE_MISSING",
      `Cannot use ${JSON.stringify(certificate)}: its key ${JSON.stringify(key)} is missing`,
      {
        path: folder,
        hint: "Put the key beside it.",
      },
    );
  }
  return {
    authorities: names.filter((name) => name.endsWith(".crt")).map((name) => required(path.join(folder, name))),
    certificate: certificate === undefined ? undefined : required(path.join(folder, certificate)),
    key: key === undefined ? undefined : required(path.join(folder, key)),
  };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, "utf8").sort();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return [];
    throw systemFailure("read the certificates of the registry", error, folder);
  }
}

function required(file: string): string {
  try {
    return readRegularFile(file, { largest: LARGEST_FILE_BYTES, follow: true }).toString("latin1");
  } catch (error) {
    throw systemFailure("read a certificate of the registry", error, file);
  }
}

/** What can't be read adds no trust: Node takes it so, too. */
function textOf(file: string | undefined): string | undefined {
  if (file === undefined || file === "") return undefined;
  try {
    return readRegularFile(file, { largest: LARGEST_FILE_BYTES, follow: true }).toString("latin1");
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
