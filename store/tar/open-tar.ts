import type { ImportedTar } from "../../core/ports/archives.js";
import { ContentSpool } from "./content-spool.js";
import { TarImport } from "./import-tar.js";

/** Archives.openTar. @param scratch A path for the contents, which nobody uses. */
export async function openTar(stream: AsyncIterable<Uint8Array>, name: string, scratch: string): Promise<ImportedTar> {
  const spool = new ContentSpool(scratch);
  try {
    const archive = new TarImport(spool);
    await archive.read(stream, name);
    return archive.finish(spool);
  } catch (error) {
    spool.close();
    throw error;
  }
}
