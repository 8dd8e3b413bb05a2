import { nodeAt } from "../../core/model/paths.js";
import type { FileContent, Tree, TreeNode } from "../../core/model/tree.js";
import type { FormerContent } from "../directory/live-content.js";
import { type StatTable, WORD } from "../directory/stat-table.js";
import { isSameRow } from "./compare-stats.js";
import { KeyedRows } from "./keyed-rows.js";

/** Shorter contents have no blocks that another layer could point at. */
const SHORT_BYTES = 4096;
/** Of larger ones that changed in places, the list of their blocks may be long. */
const LARGE_BYTES = 256 << 10;
const MOST_CANDIDATES = 8;

const SIZE: readonly number[] = [WORD.size, WORD.size + 1];
/** What a file keeps when it is renamed, or copied by `cp -p`. */
const SIZE_AND_MTIME: readonly number[] = [...SIZE, WORD.mtimeSeconds, WORD.mtimeSeconds + 1, WORD.mtimeNanoseconds];
const INODE: readonly number[] = [WORD.inode, WORD.inode + 1, ...SIZE_AND_MTIME];

/**
 * Finds files of a tracked directory that had another name when they were HEAD's, or that were copied from such, so that they are not stored again.
 * With its directory a file moves unchanged, and need not even be read. Of what was renamed itself, or copied, the digest decides.
 */
export class MovedFiles {
  readonly #live: StatTable;
  readonly #index: StatTable;
  readonly #head: Tree;
  readonly #isReproducible: boolean;
  #byInode: KeyedRows | undefined;
  #byTime: KeyedRows | undefined;
  #bySize: KeyedRows | undefined;
  /** The directory that was asked for last: what moves together comes together. */
  #last: { readonly row: number; readonly node: TreeNode | undefined } | undefined;

  /**
   * @param live Gets the digests of what was moved unchanged.
   * @param index Describes `head`.
   * @param isReproducible What a layer holds must not depend on the index: then nothing is told but digests.
   */
  constructor(live: StatTable, index: StatTable, head: Tree, isReproducible: boolean) {
    this.#live = live;
    this.#index = index;
    this.#head = head;
    this.#isReproducible = isReproducible;
  }

  /** @param row Of a live file that is not what HEAD has at its path. @returns Where HEAD has, or may have, its content. */
  find(row: number): FormerContent | undefined {
    const size = this.#live.unsigned64(row, WORD.size);
    if (size === 0) return undefined;
    this.#byInode ??= new KeyedRows(this.#index, INODE, () => true);
    const [former] = this.#live.word(row, WORD.nlink) === 1 ? this.#byInode.find(this.#live, row, 1) : [];
    if (former !== undefined && isSameRow(this.#live, row, this.#index, former)) return this.#proved(row, former);
    if (this.#isReproducible || (size >= SHORT_BYTES && size < LARGE_BYTES)) return undefined;
    const likely = former === undefined ? this.#copiedFrom(row, size) : [former];
    return likely.length === 0 ? undefined : { likelyAt: () => likely.map((each) => this.#index.path(each)) };
  }

  #proved(row: number, former: number): FormerContent | undefined {
    const content = this.#contentInHead(former);
    if (content?.knownDigest === undefined) return undefined;
    this.#live.setDigest(row, content.knownDigest);
    return this.#isReproducible ? undefined : { stored: content.stored };
  }

  #copiedFrom(row: number, size: number): number[] {
    if (size >= LARGE_BYTES) {
      this.#bySize ??= new KeyedRows(this.#index, SIZE, (other) => this.#index.unsigned64(other, WORD.size) >= LARGE_BYTES);
      return this.#bySize.find(this.#live, row, MOST_CANDIDATES);
    }
    this.#byTime ??= new KeyedRows(
      this.#index,
      SIZE_AND_MTIME,
      (other) => this.#index.unsigned64(other, WORD.size) < SHORT_BYTES,
    );
    return this.#byTime.find(this.#live, row, MOST_CANDIDATES);
  }

  #contentInHead(row: number): FileContent | undefined {
    const parent = this.#index.word(row, WORD.parent);
    if (this.#last?.row !== parent) this.#last = { row: parent, node: nodeAt(this.#head, this.#index.path(parent)) };
    const directory = this.#last.node;
    const node = directory !== undefined && "child" in directory ? directory.child(this.#index.names[row]!) : undefined;
    return node !== undefined && "content" in node && node.links === undefined ? node.content : undefined;
  }
}
