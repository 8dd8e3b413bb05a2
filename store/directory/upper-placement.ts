import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { DirectoryNode, Tree, TreeNode } from "../../core/model/tree.js";
import type { LiveDirectory } from "./live-directory.js";
import { typeOfRow } from "./live-directory.js";
import { overlayMarks, type OverlayMarks, type OverlayPrefix } from "./overlay-marks.js";
import { WORD } from "./stat-table.js";

const ROOT = "" as ByteString;

/** A directory of the base, and where it stands there. */
export interface BaseDirectory {
  readonly node: DirectoryNode;
  readonly path: ByteString;
}

/** How an upper directory lies over its base: what each of its directories shows of the base, and what it hides or moves. */
export class UpperPlacement {
  readonly #upper: LiveDirectory;
  readonly #base: Tree;
  readonly #prefix: OverlayPrefix;
  readonly #marks = new Map<number, OverlayMarks>();
  readonly #bases = new Map<number, BaseDirectory>();
  /** The upper directory that shows a base directory. */
  readonly #shownBy = new Map<ByteString, number>();
  /** Base nodes that do not stand where the base has them, each with all that is below it. */
  readonly displaced: TreeNode[] = [];

  constructor(upper: LiveDirectory, base: Tree, prefix: OverlayPrefix) {
    this.#upper = upper;
    this.#base = base;
    this.#prefix = prefix;
    this.#place(0, { node: base.root, path: ROOT }, ROOT);
    this.#placeBelow();
  }

  marks(row: number): OverlayMarks {
    return this.#marks.get(row)!;
  }

  /** The base directory that an upper directory shows through. */
  baseOf(row: number): BaseDirectory | undefined {
    return this.#bases.get(row);
  }

  #placeBelow(): void {
    const { table } = this.#upper;
    // Rows of parents stand before their children's.
    for (let row = 1; row < table.length; row++) {
      const marks = overlayMarks(this.#upper, row, this.#prefix);
      this.#marks.set(row, marks);
      const hidden = this.#bases.get(table.word(row, WORD.parent))?.node.child(table.names[row]!);
      const shown = typeOfRow(table, row) === "directory" && !marks.opaque ? this.#originDirectory(row, marks) : undefined;
      const path = table.path(row);
      if (hidden !== undefined && shown?.path !== this.#originPath(row)) this.displaced.push(hidden);
      if (shown !== undefined) this.#place(row, shown, path);
    }
  }

  #place(row: number, base: BaseDirectory, path: ByteString): void {
    this.#bases.set(row, base);
    this.#shownBy.set(base.path, row);
    if (base.path !== path) this.displaced.push(base.node);
  }

  /** Where the base would hold what an upper row's name covers. */
  #originPath(row: number): ByteString | undefined {
    const parent = this.#bases.get(this.#upper.table.word(row, WORD.parent));
    return parent === undefined ? undefined : joinPath(parent.path, this.#upper.table.names[row]!);
  }

  #originDirectory(row: number, marks: OverlayMarks): BaseDirectory | undefined {
    const found = this.origin(row, marks);
    return found?.node.entry.type === "directory" ? (found as BaseDirectory) : undefined;
  }

  /** The base node that an upper row was copied up from, by its redirect or else by its name. */
  origin(row: number, marks: OverlayMarks = this.marks(row)): { readonly node: TreeNode; readonly path: ByteString } | undefined {
    const { redirect } = marks;
    if (redirect?.startsWith("/")) {
      const path = redirect.slice(1) as ByteString;
      const node = nodeAt(this.#base.root, path);
      return node && { node, path };
    }
    const parent = this.#bases.get(this.#upper.table.word(row, WORD.parent));
    const name = redirect ?? this.#upper.table.names[row]!;
    const node = parent?.node.child(name);
    return node && { node, path: joinPath(parent!.path, name) };
  }

  /** Where a path of the base shows in the merged tree; `undefined` when it is hidden. */
  shownPath(basePath: ByteString): ByteString | undefined {
    const { table } = this.#upper;
    let prefix = ROOT;
    let row: number | undefined = 0;
    let shown: ByteString | undefined = ROOT;
    for (const name of basePath.split("/") as ByteString[]) {
      prefix = joinPath(prefix, name);
      const hidden: boolean = shown === undefined || (row !== undefined && table.find(row, name) !== undefined);
      row = this.#shownBy.get(prefix);
      if (row !== undefined) shown = table.path(row);
      else shown = hidden ? undefined : joinPath(shown!, name);
    }
    return shown;
  }
}

/** @returns `undefined` when the path is absent or leads through something other than a directory. */
export function nodeAt(root: DirectoryNode, path: ByteString): TreeNode | undefined {
  let node: TreeNode | undefined = root;
  for (const name of path.split("/") as ByteString[]) {
    if (node === undefined || !("children" in node)) return undefined;
    node = node.child(name);
  }
  return node;
}
