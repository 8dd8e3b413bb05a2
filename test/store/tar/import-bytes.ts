import { joinPath, type ByteString } from "../../../core/model/byte-string.js";
import type { ImportedTar } from "../../../core/ports/archives.js";
import type { TreeNode } from "../../../core/model/tree.js";
import { importTar } from "../../../store/tar/import-tar.js";
import { MemoryLayerWriter } from "./memory-layer-writer.js";

/** A stream of pieces of `step` bytes: boundaries fall wherever a test wants them. */
export async function* inPieces(bytes: Buffer, step: number = 64 * 1024): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) yield await Promise.resolve(bytes.subarray(at, at + step));
}

export interface Imported extends ImportedTar {
  readonly writer: MemoryLayerWriter;
}

export async function importBytes(bytes: Buffer, step?: number): Promise<Imported> {
  const writer = new MemoryLayerWriter();
  const { tree, warnings } = await importTar(inPieces(bytes, step), writer.asWriter());
  return { tree: writer.readable(tree), warnings, writer };
}

/** One short line a path, in walk order without the root: `a/b: file 0644 "text"`. Owner and time only where they are not 0. */
export function listing({ tree, writer }: Imported): string[] {
  const lines: string[] = [];
  const stack: [ByteString, TreeNode][] = [["" as ByteString, tree.root]];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [path, node] = top;
    if (path !== "") lines.push(`${path}: ${describe(node, writer)}`);
    if ("children" in node) {
      const below = [...node.children()].map(([name, child]) => [joinPath(path, name), child] as [ByteString, TreeNode]);
      stack.push(...below.reverse());
    }
  }
  return lines;
}

function describe(node: TreeNode, writer: MemoryLayerWriter): string {
  const { entry } = node;
  const words: string[] = [entry.type];
  if (entry.type !== "symlink") words.push(entry.mode.toString(8).padStart(4, "0"));
  if (entry.uid !== 0 || entry.gid !== 0) words.push(`${entry.uid}:${entry.gid}`);
  if (entry.mtimeSeconds !== 0 || entry.mtimeNanoseconds !== 0) words.push(`@${entry.mtimeSeconds}+${entry.mtimeNanoseconds}`);
  if ("content" in node) words.push(JSON.stringify(shown(writer.bytes(node.content.stored))));
  if (entry.type === "symlink") words.push(`-> ${entry.target}`);
  if (entry.type === "character" || entry.type === "block") words.push(`${entry.major},${entry.minor}`);
  for (const { name, value } of entry.xattrs) words.push(`${name}=${JSON.stringify(Buffer.from(value).toString("latin1"))}`);
  if ("links" in node && node.links !== undefined) words.push(`= ${node.links.paths().join(" ")}`);
  return words.join(" ");
}

function shown(bytes: Buffer): string {
  return bytes.length <= 40 ? bytes.toString("latin1") : `${bytes.length} bytes`;
}
