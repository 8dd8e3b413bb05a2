import type { ByteString } from "../model/byte-string.js";
import type { DirectoryNode, TreeNode } from "../model/tree.js";

/** What three trees have at one name. At least one has something. */
export interface NamedTriple {
  readonly name: ByteString;
  readonly base: TreeNode | undefined;
  readonly ours: TreeNode | undefined;
  readonly theirs: TreeNode | undefined;
}

/** The children of up to three directories, by name, in byte order. */
export function* childrenOfThree(
  base: DirectoryNode | undefined,
  ours: DirectoryNode | undefined,
  theirs: DirectoryNode | undefined,
): Generator<NamedTriple> {
  const cursors = [base, ours, theirs].map((directory) => new Cursor(directory));
  for (;;) {
    let name: ByteString | undefined;
    for (const { next } of cursors) if (next !== undefined && (name === undefined || next[0] < name)) name = next[0];
    if (name === undefined) return;
    const [inBase, inOurs, inTheirs] = cursors.map((cursor) => cursor.take(name));
    yield { name, base: inBase, ours: inOurs, theirs: inTheirs };
  }
}

class Cursor {
  readonly #children: Iterator<readonly [ByteString, TreeNode], unknown>;
  next: readonly [ByteString, TreeNode] | undefined;

  constructor(directory: DirectoryNode | undefined) {
    this.#children = (directory?.children() ?? [])[Symbol.iterator]();
    this.#advance();
  }

  take(name: ByteString): TreeNode | undefined {
    if (this.next?.[0] !== name) return undefined;
    const [, node] = this.next;
    this.#advance();
    return node;
  }

  #advance(): void {
    const step = this.#children.next();
    this.next = step.done === true ? undefined : step.value;
  }
}
