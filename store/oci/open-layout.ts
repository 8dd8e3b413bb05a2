import type { ByteString } from "../../core/model/byte-string.js";
import type { ImportedTar } from "../../core/ports/archives.js";
import { ContentSpool } from "../tar/content-spool.js";
import { TarImport, type Whiteouts } from "../tar/import-tar.js";
import { imageLayers } from "./find-manifest.js";
import { LayoutBlobs } from "./layout-blobs.js";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** The marks of OCI layers. They are about what layers below put there, wherever in the tar they stand. */
const OCI_WHITEOUTS: Whiteouts = {
  take(names, index, fail) {
    const above = names.slice(0, -1);
    if (above.some((name) => name.startsWith(WHITEOUT)))
      return fail('a directory on its way begins with ".wh.", which marks what is gone');
    const name = names.at(-1) ?? "";
    if (!name.startsWith(WHITEOUT)) return false;
    const parent = index.directory(above, fail);
    if (name === OPAQUE) {
      if (parent !== undefined) index.clearOlder(parent);
      return true;
    }
    const gone = name.slice(WHITEOUT.length);
    if (gone === "" || gone === "." || gone === ".." || gone.startsWith(WHITEOUT))
      return fail("it is no mark that the specification knows");
    if (parent !== undefined) index.removeOlder({ parent, name: gone as ByteString });
    return true;
  },
};

/** Archives.openLayout. @param scratch A path for the contents, which nobody uses. */
export async function openLayout(directory: string, image: string | undefined, scratch: string): Promise<ImportedTar> {
  const blobs = new LayoutBlobs(directory);
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
