import type { ByteString } from "../../core/model/byte-string.js";
import type { Whiteouts } from "../tar/import-tar.js";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** What aufs kept for itself, and docker of that time in its layers: `.wh..wh.plnk/`, `.wh..wh.aufs`, `.wh..wh.orph/`. */
const AUFS = ".wh..wh.";

/** The marks of OCI layers. They are about what layers below put there, wherever in the tar they stand. @see layer.md of the OCI image specification */
export const OCI_WHITEOUTS: Whiteouts = {
  take({ names, type, size }, index, { fail, warn }) {
    const name = names.at(-1) ?? "";
    const above = names.slice(0, -1);
    if (names.some((each) => each.startsWith(AUFS) && each !== OPAQUE)) {
      warn("it is aufs's own, and was passed over");
      return true;
    }
    if (above.some((each) => each.startsWith(WHITEOUT)))
      return fail('a directory on its way begins with ".wh.", which marks what is gone');
    if (!name.startsWith(WHITEOUT)) return false;
    if (type !== "file" || size > 0) return fail("it marks what is gone, which an empty file does");
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
