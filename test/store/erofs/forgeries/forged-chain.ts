import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import type { LayerId } from "../../../../core/model/ids.js";
import { openLayerStore } from "../../../../store/layers/layer-store.js";
import { storeLayout } from "../../../../store/store-layout.js";
import type { DescribedEntry } from "../../../contracts/described-tree.js";
import { addDescribed } from "../layer-fixture.js";

/** u::rw-,u:1000:rw-,g::r--,m::rw-,o::r-- as the kernel keeps it. */
const ACL =
  "\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x06\0\xe8\x03\0\0\x04\0\x04\0\xff\xff\xff\xff\x10\0\x06\0\xff\xff\xff\xff\x20\0\x04\0\xff\xff\xff\xff";
const SHORT = "of which the metadata alone is changed";

const BELOW: readonly DescribedEntry[] = [
  { path: "", type: "directory" },
  { path: "lent", type: "file", content: "l".repeat(9000) },
  { path: "old name", type: "file", content: "another content" },
  { path: "short", type: "file", content: SHORT },
];

/** A forger makes `trusted.Overlay.` overlayfs's own, by one letter. */
const NEWEST: readonly DescribedEntry[] = [
  { path: "", type: "directory", xattrs: { "user.root": "1" } },
  { path: "a", type: "directory", xattrs: { "trusted.Overlay.opaque": "y" } },
  { path: "a/hard", type: "file", linkTo: "hard" },
  { path: "a/in", type: "directory", xattrs: { "trusted.Overlay.metacopy": "" } },
  { path: "a/in/deep", type: "directory", xattrs: { "trusted.Overlay.redirect": "/a" } },
  { path: "acl", type: "file", content: "1", xattrs: { "system.posix_acl_access": ACL } },
  { path: "device", type: "character", major: 1, minor: 3 },
  { path: "empty", type: "file", content: "" },
  { path: "fifo", type: "fifo" },
  { path: "hard", type: "file", content: "two names" },
  { path: "hard A", type: "file", content: "two more" },
  { path: "hard B", type: "file", linkTo: "hard A" },
  { path: "lent", type: "file", content: "l".repeat(9000), mode: 0o600 },
  { path: "link", type: "symlink", target: "a/in", xattrs: { "trusted.Overlay.metacopy": "" } },
  ...blocksOfEntries("many"),
  ...blocksOfEntries("more"),
  ...["-", ".a", "a".repeat(200), "b".repeat(200)].map((name): DescribedEntry => ({ path: `names/${name}`, type: "fifo" })),
  { path: "plain", type: "file", content: "p".repeat(9000) },
  { path: "plain A", type: "file", content: "q".repeat(9000) },
  { path: "plain B", type: "fifo" },
  { path: "redirected", type: "file", content: "1", xattrs: { "trusted.Overlay.redirect": "/lent" } },
  { path: "short", type: "file", content: SHORT, xattrs: { "trusted.Overlay.redirect": "/old name" } },
  {
    path: "small",
    type: "file",
    content: "s".repeat(100),
    xattrs: { "trusted.Overlay.opaque": "y", "user.mora": "1", "user.more": "2" },
  },
  { path: "sparse", type: "file", content: { size: 100_000, data: [[50_000, "x"]] } },
];

/** Two full blocks of names that come before `.`, and a rest that follows the inode. */
function blocksOfEntries(directory: string): DescribedEntry[] {
  const names = Array.from({ length: 40 }, (_, n) => entryName(n));
  return [
    { path: directory, type: "directory" },
    ...names.map((name): DescribedEntry => ({ path: `${directory}/${name}`, type: "fifo" })),
  ];
}

/** The n-th name in the directories of several blocks. */
export function entryName(n: number): string {
  return `+${String.fromCharCode(65 + n)}${"n".repeat(240)}`;
}

/** @returns A folder with the images of two layers, and their ids, the newest first. */
export async function chainToForge(): Promise<{ root: string; folder: string; chain: readonly LayerId[] }> {
  const root = mkdtempSync(`${tmpdir()}/varve-forgeries-`);
  const layout = storeLayout(root);
  mkdirSync(layout.layers, { recursive: true });
  mkdirSync(layout.scratch);
  const store = openLayerStore(layout);
  const below = await addDescribed(store, [], BELOW);
  const entries = NEWEST.flatMap((entry): DescribedEntry[] =>
    entry.path === "names/-" ? [{ path: "names", type: "directory" }, entry] : [entry],
  );
  return { root, folder: layout.layers, chain: await addDescribed(store, below, entries) };
}
