import type { ByteString } from "../model/byte-string.js";
import { isShortText, readStanzas, type InstalledPackage, type PackageFormat } from "./package-list.js";

const FIELDS: ReadonlySet<string> = new Set(["name", "version"]);
const METADATA = /(?:^|\/)[^/]+\.(?:dist-info\/METADATA|egg-info\/PKG-INFO)$/;

/** @see "Core metadata specifications" of the Python Packaging User Guide: a first paragraph of fields, then a description */
export const PIP_METADATA: PackageFormat = {
  manager: "pip",
  has: (path) => METADATA.test(path),
  // The directory's name has the version: two versions of one package stand in two directories of one place.
  place: (path) => path.split("/").slice(0, -2).join("/") as ByteString,
  largest: 4 * 1024 * 1024,
  *read(content): Generator<InstalledPackage> {
    for (const stanza of readStanzas(content, FIELDS)) {
      const [name, version] = [stanza.get("name"), stanza.get("version")];
      if (isShortText(name) && isShortText(version)) yield { name: name.toLowerCase().replaceAll(/[-_.]+/g, "-"), version };
      return;
    }
  },
};
