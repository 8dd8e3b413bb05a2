import type { ByteString } from "../model/byte-string.js";
import { isShortText, readStanzas, type InstalledPackage, type PackageFormat } from "./package-list.js";

const FIELDS: ReadonlySet<string> = new Set(["package", "version", "status", "architecture"]);
const STATUS = "var/lib/dpkg/status";
/** One file a package, as images without a package manager have: distroless. */
const STATUS_FOLDER = "var/lib/dpkg/status.d/";

/** @see deb-control(5), and dpkg(1) for the words of Status. */
export const DPKG_STATUS: PackageFormat = {
  manager: "dpkg",
  has: (path) => path === STATUS || (path.startsWith(STATUS_FOLDER) && !path.endsWith(".md5sums")),
  place: () => "" as ByteString,
  largest: 64 * 1024 * 1024,
  *read(content): Generator<InstalledPackage> {
    for (const stanza of readStanzas(content, FIELDS)) {
      const [name, version] = [stanza.get("package"), stanza.get("version")];
      // "deinstall ok config-files": it is removed, and its settings are left.
      const isInstalled = (stanza.get("status") ?? "install ok installed").endsWith(" installed");
      if (isInstalled && isShortText(name) && isShortText(version)) yield { name, version, variant: stanza.get("architecture") };
    }
  },
};
