import type { Socket } from "node:net";
import tls from "node:tls";
import { errnoOf } from "../system-failure.js";

const PATIENCE_MILLISECONDS = 10_000;
/** What says that nobody is there. All other failures of a handshake are those of a server that is there and speaks something else. */
const NOBODY = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"]);

/**
 * Whether a server answers a TLS handshake. Nothing is sent after it, and nothing is believed because of it.
 *
 * @param tunnel A connection to it through a proxy.
 * @returns Also `true` when nobody is there: the real connection will say so. Without a port, though, plain HTTP has another one than TLS.
 */
export async function speaksTls(url: URL, signal: AbortSignal | undefined, tunnel?: Socket): Promise<boolean> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const place = tunnel === undefined ? { host, port: Number(url.port === "" ? 443 : url.port) } : { socket: tunnel };
  const socket = tls.connect({ ...place, rejectUnauthorized: false });
  const stop = (): unknown => socket.destroy();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    return await new Promise<boolean>((resolve) => {
      socket.setTimeout(PATIENCE_MILLISECONDS, () => resolve(false));
      socket.once("secureConnect", () => resolve(true));
      socket.once("close", () => resolve(false));
      socket.once("error", (error) => resolve(url.port !== "" && NOBODY.has(errnoOf(error) ?? "")));
    });
  } finally {
    signal?.removeEventListener("abort", stop);
    socket.destroy();
  }
}
