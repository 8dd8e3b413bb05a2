import path from "node:path";
import type { ImageSource } from "../core/ports/images.js";
import { openImportSource } from "./import-source.js";

/** What a word that names images means: a directory, a file, or `-` for stdin. @param verb For messages. @throws VarveError As `openImportSource`. */
export async function openImageSource(source: string, verb: string): Promise<ImageSource> {
  const opened = await openImportSource(source, verb);
  if (opened.kind === "directory") return opened;
  return { kind: "archive", name: opened.name, stream: opened.stream, path: isFile(source) ? path.resolve(source) : undefined };
}

function isFile(source: string): boolean {
  return source !== "-" && !/^https?:\/\//i.test(source);
}
