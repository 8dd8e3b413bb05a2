import type { ByteString } from "../model/byte-string.js";
import { byteStringOf, textOf } from "../model/byte-string.js";
import type { Change } from "../model/change.js";
import { treePathText } from "../model/paths.js";
import type { FileContent, TreeNode } from "../model/tree.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import { APK_INSTALLED } from "./apk-installed.js";
import { DPKG_STATUS } from "./dpkg-status.js";
import { NPM_PACKAGES } from "./npm-packages.js";
import type { InstalledPackage, PackageFormat } from "./package-list.js";
import { PIP_METADATA } from "./pip-metadata.js";

export interface PackageChange {
  readonly manager: PackageFormat["manager"];
  readonly name: string;
  /** The version; absent for what was not installed. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Where it is installed, when that is not the whole tree. */
  readonly place: ByteString;
}

export interface PackageChanges {
  /** By manager, place and name. */
  readonly packages: readonly PackageChange[];
  /** Whole sentences for people: what could not be read. */
  readonly warnings: readonly string[];
}

const FORMATS: readonly PackageFormat[] = [DPKG_STATUS, APK_INSTALLED, PIP_METADATA, NPM_PACKAGES];
/** Its pages are Berkeley DB's, its own, or SQLite's, and hold headers of a binary form. */
const RPM_DATABASE = /^(?:var\/lib|usr\/lib\/sysimage|usr\/share)\/rpm\/(?:rpmdb\.sqlite|Packages(?:\.db)?)$/;

/** What a tree's packages are, by manager, place and name. */
type Versions = Map<string, PackageChange>;

/**
 * Packages that were installed, removed or brought to another version, as the package managers' own files tell. Only files that differ are read.
 * @throws VarveError SOURCE_CHANGED, INTERRUPTED.
 */
export async function packageChanges(changes: readonly Change[]): Promise<PackageChanges> {
  const warnings: string[] = [];
  const before: Versions = new Map();
  const after: Versions = new Map();
  for (const { status, path, from = path, before: old, after: now } of changes) {
    if (isTurnDue()) await yieldToSignals();
    if (RPM_DATABASE.test(path)) warnings.push(`The rpm database ${treePathText(path)} differs; varve can't read what it holds.`);
    if (status !== "C") collect(before, from, old, warnings);
    collect(after, path, now, warnings);
  }
  const found: PackageChange[] = [];
  for (const key of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [old, now] = [before.get(key), after.get(key)];
    const any = now ?? old;
    if (any !== undefined && old?.after !== now?.after) found.push({ ...any, before: old?.after, after: now?.after });
  }
  return { packages: found, warnings };
}

function collect(versions: Versions, path: ByteString, node: TreeNode | undefined, warnings: string[]): void {
  if (node === undefined || !("content" in node)) return;
  const format = FORMATS.find(({ has }) => has(path));
  if (format === undefined) return;
  if (node.content.size > format.largest) {
    warnings.push(`${treePathText(path)} has more than ${format.largest} bytes: its packages are left out.`);
    return;
  }
  const place = format.place(path);
  for (const installed of format.read(textOf(byteStringOf(wholeOf(node.content))))) {
    add(
      versions,
      { manager: format.manager, name: installed.name, before: undefined, after: installed.version, place },
      installed,
    );
  }
}

/** Of one name the first is called by it alone, others with what they differ in: as dpkg does for foreign architectures. */
function add(versions: Versions, found: PackageChange, { name, variant }: InstalledPackage): void {
  const key = `${FORMATS.findIndex(({ manager }) => manager === found.manager)}\0${found.place}\0${name}`;
  if (!versions.has(key)) versions.set(key, found);
  else if (variant !== undefined) versions.set(`${key}:${variant}`, { ...found, name: `${name}:${variant}` });
}

function wholeOf(content: FileContent): Buffer {
  const bytes = Buffer.alloc(content.size);
  const reader = content.open({ check: false });
  try {
    let done = 0;
    for (let count = -1; done < bytes.length && count !== 0; done += count) count = reader.read(bytes.subarray(done), done);
    return bytes.subarray(0, done);
  } finally {
    reader.close();
  }
}
