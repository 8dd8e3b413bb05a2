import fc from "fast-check";
import type { DescribedEntry } from "../contracts/described-tree.js";

const NAMES = ["a", "b", "b-", "\xff\n"];

interface Draw {
  readonly names: readonly string[];
  readonly kind: "directory" | "file" | "symlink" | "fifo" | "link" | "sparse";
  readonly variant: number;
}

const draw: fc.Arbitrary<Draw> = fc.record({
  names: fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }),
  kind: fc.constantFrom("directory", "directory", "file", "file", "symlink", "fifo", "link", "sparse"),
  variant: fc.nat(5),
});

/** Small trees over few names, contents and metadata, so that two of them have much in common and differ in every way. */
export const arbitraryTree: fc.Arbitrary<readonly DescribedEntry[]> = fc.array(draw, { maxLength: 14 }).map(entriesOf);

function entriesOf(draws: readonly Draw[]): DescribedEntry[] {
  const entries = new Map<string, DescribedEntry>([["", { path: "", type: "directory", mtimeSeconds: 5 }]]);
  for (const { names, kind, variant } of draws) {
    const path = names.join("/");
    const parent = entries.get(names.slice(0, -1).join("/"));
    if (parent?.type !== "directory" || entries.has(path)) continue;
    const files = [...entries.values()].filter(({ type, linkTo }) => type !== "directory" && linkTo === undefined);
    const first = files[variant % Math.max(files.length, 1)];
    if (kind !== "link") entries.set(path, entryOf(path, kind, variant));
    else if (first !== undefined) entries.set(path, { path, type: first.type, linkTo: first.path });
  }
  return [...entries.values()];
}

function entryOf(path: string, kind: Exclude<Draw["kind"], "link">, variant: number): DescribedEntry {
  const metadata = { mtimeSeconds: variant - 2, mtimeNanoseconds: variant % 2, mode: [0o644, 0o4755][variant % 2] ?? 0 };
  switch (kind) {
    case "file":
      return {
        path,
        type: "file",
        ...metadata,
        content: ["", "x", "y".repeat(4095), "z".repeat(4096), "w".repeat(9000), "x"][variant] ?? "",
      };
    case "sparse":
      return { path, type: "file", ...metadata, content: { size: 20_000 + variant, data: [[8192, "data".repeat(variant)]] } };
    case "symlink":
      return { path, type: "symlink", ...metadata, target: `t${variant % 3}` };
    case "directory":
      return { path, type: "directory", ...metadata, xattrs: variant === 5 ? { "user.note": "\0" } : {} };
    default:
      return { path, type: kind, ...metadata };
  }
}
