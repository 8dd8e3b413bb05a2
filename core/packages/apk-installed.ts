import type { ByteString } from "../model/byte-string.js";
import { isShortText, type InstalledPackage, type PackageFormat } from "./package-list.js";

const PLACES: ReadonlySet<string> = new Set(["lib/apk/db/installed", "usr/lib/apk/db/installed"]);

/** Lines of one letter, a colon and a value; a blank one ends a package. @see apk's installed database, of Alpine Linux */
export const APK_INSTALLED: PackageFormat = {
  manager: "apk",
  has: (path) => PLACES.has(path),
  place: () => "" as ByteString,
  largest: 64 * 1024 * 1024,
  *read(content): Generator<InstalledPackage> {
    let [name, version] = ["", ""];
    for (const line of `${content}\n\n`.split("\n")) {
      if (line.startsWith("P:")) name = line.slice(2).trim();
      else if (line.startsWith("V:")) version = line.slice(2).trim();
      if (line !== "") continue;
      if (isShortText(name) && isShortText(version)) yield { name, version };
      [name, version] = ["", ""];
    }
  },
};
