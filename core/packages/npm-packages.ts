import type { ByteString } from "../model/byte-string.js";
import { isShortText, type InstalledPackage, type PackageFormat } from "./package-list.js";

/** A package's own file, not one of those that it may have deeper down. */
const PACKAGE_FILE = /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@.][^/]*\/package\.json$/;

/** @see package.json of npm's documentation */
export const NPM_PACKAGES: PackageFormat = {
  manager: "npm",
  has: (path) => PACKAGE_FILE.test(path),
  place: (path) => path.slice(0, -"/package.json".length) as ByteString,
  largest: 1024 * 1024,
  *read(content): Generator<InstalledPackage> {
    const { name, version } = objectOf(content);
    if (isShortText(name) && isShortText(version)) yield { name, version };
  },
};

function objectOf(json: string): { readonly name?: unknown; readonly version?: unknown } {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
