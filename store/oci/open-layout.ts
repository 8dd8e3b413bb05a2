import type { ImportedTar } from "../../core/ports/archives.js";
import { ContentSpool } from "../tar/content-spool.js";
import { TarImport } from "../tar/import-tar.js";
import { imageLayers } from "./find-manifest.js";
import { DirectoryFiles } from "./image-files.js";
import { LayoutBlobs } from "./layout-blobs.js";
import { OCI_WHITEOUTS } from "./whiteouts.js";

/** Archives.openLayout. @param scratch A path for the contents, which nobody uses. */
export async function openLayout(directory: string, image: string | undefined, scratch: string): Promise<ImportedTar> {
  const blobs = new LayoutBlobs(new DirectoryFiles(directory));
  const layers = await imageLayers(blobs, directory, image);
  const spool = new ContentSpool(scratch);
  try {
    const archive = new TarImport(spool, { whiteouts: OCI_WHITEOUTS });
    for (const [index, layer] of layers.entries()) {
      const what = `layer ${index + 1} of the OCI layout`;
      await archive.read(blobs.bytes(layer, `its layer ${index + 1}`), what);
      await blobs.requireChecked(layer, `its layer ${index + 1}`);
    }
    return archive.finish(spool);
  } catch (error) {
    spool.close();
    throw error;
  }
}
