// What `git bundle create` writes and `git fetch FILE` reads: refs, what the receiver must have, and a pack. @see gitformat-bundle(5)
import { decodePack, encodePack, type PackLimits } from "./pack-format.js";
import type { LooseObject } from "./loose-objects.js";

const SIGNATURE = "# v2 git bundle\n";
const MOST_LINES = 200_000;
const LARGEST_HEADER_BYTES = 2 ** 26;
const PREREQUISITE = /^-([0-9a-f]{40}) ?(.*)$/;
const REF = /^([0-9a-f]{40}) (.+)$/;

export interface GitBundle {
  /** Names as they stand there, checked by nobody. */
  readonly refs: readonly { readonly name: string; readonly id: string }[];
  readonly prerequisites: readonly { readonly id: string; readonly subject: string }[];
}

export function encodeBundle({ refs, prerequisites }: GitBundle, objects: readonly LooseObject[]): Buffer {
  const lines = [
    ...prerequisites.map(({ id, subject }) => `-${id} ${subject}\n`),
    ...refs.map(({ id, name }) => `${id} ${name}\n`),
  ];
  return Buffer.concat([Buffer.from(`${SIGNATURE}${lines.join("")}\n`), encodePack(objects)]);
}

/** @throws SyntaxError, with what is wrong as text that follows "its git bundle". */
export function decodeBundle(
  bytes: Buffer,
  limits: PackLimits,
): GitBundle & { readonly objects: ReadonlyMap<string, LooseObject> } {
  const end = bytes.subarray(0, LARGEST_HEADER_BYTES).indexOf("\n\n");
  if (bytes.toString("latin1", 0, SIGNATURE.length) !== SIGNATURE || end < 0) throw new SyntaxError("is none of version 2");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(SIGNATURE.length, end));
  } catch {
    throw new SyntaxError("has a header that is no UTF-8");
  }
  const lines = text.split("\n");
  if (lines.length > MOST_LINES) throw new SyntaxError(`has ${lines.length} lines, expected at most ${MOST_LINES}`);
  const refs: { name: string; id: string }[] = [];
  const prerequisites: { id: string; subject: string }[] = [];
  for (const line of lines) {
    const [, needed, subject = ""] = PREREQUISITE.exec(line) ?? [];
    const [, id, name] = REF.exec(line) ?? [];
    if (needed !== undefined && refs.length === 0) prerequisites.push({ id: needed, subject });
    else if (id !== undefined && name !== undefined) refs.push({ id, name });
    else throw new SyntaxError("has a line that is neither a ref nor a prerequisite");
  }
  try {
    return { refs, prerequisites, objects: decodePack(bytes.subarray(end + 2), limits) };
  } catch (error) {
    if (error instanceof SyntaxError) throw new SyntaxError(`has a pack that ${error.message}`);
    throw error;
  }
}
