import type { Answer } from "./exchange.js";
import { timedOut } from "./exchange.js";
import { invalidAnswer } from "./registry-fault.js";

/** What is left of an answer to dismiss is read, so that its connection can be used again; more than that is cut. */
const WORTH_READING_BYTES = 64 << 10;

/** Less than that in an idle time is a drip, which could go on for months while the store is locked: as good as nothing. */
const LEAST_BYTES = 16 << 10;

/**
 * The bytes of an answer as they come: nothing is decoded, so that nothing grows. Ending the loop early closes the connection.
 *
 * @throws Node's errors, ETIMEDOUT when in `idleMilliseconds` of waiting for pieces no more than a drip comes.
 */
export async function* answerPieces({ message }: Answer, idleMilliseconds: number): AsyncGenerator<Buffer> {
  const pieces = message[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let [patience, bytes] = [idleMilliseconds, 0];
  try {
    for (;;) {
      const begun = performance.now();
      const timer = setTimeout(() => message.destroy(timedOut()), patience);
      const next = await pieces.next().finally(() => clearTimeout(timer));
      if (next.done === true) return;
      patience -= performance.now() - begun;
      bytes += next.value.length;
      if (bytes >= LEAST_BYTES) [patience, bytes] = [idleMilliseconds, 0];
      yield next.value;
    }
  } finally {
    if (!message.readableEnded) message.destroy();
  }
}

/**
 * All of a small answer.
 *
 * @param what For the message: "its tag list".
 * @throws VarveError REGISTRY_INVALID for more than `largest` bytes, for a body that is cut, or one that takes longer than ten idle times.
 */
export async function documentOf(
  answer: Answer,
  what: string,
  { largest, idleMilliseconds }: { readonly largest: number; readonly idleMilliseconds: number },
): Promise<Buffer> {
  const host = answer.url.host;
  const encoding = answer.headers["content-encoding"] ?? "identity";
  const refuse = (state: string): never => {
    answer.message.destroy();
    throw invalidAnswer(host, state);
  };
  if (encoding !== "identity") refuse(`${what} is compressed, which was not asked for`);
  if (Number(answer.headers["content-length"] ?? 0) > largest) refuse(`${what} is larger than ${largest} bytes`);
  const pieces: Buffer[] = [];
  let size = 0;
  const deadline = setTimeout(() => answer.message.destroy(timedOut()), 10 * idleMilliseconds);
  try {
    for await (const piece of answerPieces(answer, idleMilliseconds)) {
      size += piece.length;
      if (size > largest) refuse(`${what} is larger than ${largest} bytes`);
      pieces.push(piece);
    }
  } finally {
    clearTimeout(deadline);
  }
  return Buffer.concat(pieces, size);
}

/** For an answer whose body says nothing. */
export function dismiss({ message, headers }: Answer): void {
  message.on("error", () => undefined);
  if (Number(headers["content-length"] ?? WORTH_READING_BYTES + 1) <= WORTH_READING_BYTES) message.resume();
  else if (!message.complete) message.destroy();
}
