import { VarveError } from "../../core/errors.js";
import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { DirectoryNode, FileContent, LinkGroup, Tree, TreeNode } from "../../core/model/tree.js";
import { hold, type Outcome } from "./fuzz-target.js";

/** Bytes of content read of one file, and of one tree: more would only be slower. */
const MOST_OF_A_FILE = 64 << 10;
const MOST_OF_A_TREE = 4 << 20;
const PIECE = Buffer.alloc(8192);

/**
 * Reads all that a tree says, goes on after each refusal, and holds the tree to what core/model promises of it.
 *
 * @param bytes Of the files that it is made of: a tree of more entries than these can hold is a finding.
 * @param contents False for a tree that keeps none.
 */
export function walkEverything(tree: Tree, bytes: number, { contents = true }: { contents?: boolean } = {}): Outcome {
  return new Walk(bytes, contents).outcome(tree);
}

class Walk {
  readonly #mostEntries: number;
  readonly #contents: boolean;
  #entries = 0;
  #contentBytes = 0;
  #refusal: VarveError | undefined;

  constructor(bytes: number, contents: boolean) {
    this.#mostEntries = 64 + bytes;
    this.#contents = contents;
  }

  outcome(tree: Tree): Outcome {
    const pending: [ByteString, DirectoryNode][] = [["" as ByteString, tree.root]];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [path, directory] = next;
      this.#attempt(() => this.#node(directory));
      const children: (readonly [ByteString, TreeNode])[] = [];
      const isWhole = this.#attempt(() => {
        for (const child of directory.children()) children.push(child);
      });
      for (const [name, node] of children) {
        this.#entries += 1;
        hold(this.#entries <= this.#mostEntries, `no more than ${this.#mostEntries} entries`);
        this.#name(name);
        this.#attempt(() => this.#node(node));
        if ("children" in node) pending.push([joinPath(path, name), node]);
      }
      if (isWhole) this.#attempt(() => this.#lookups(directory, children));
    }
    return this.#refusal === undefined ? "read" : `refused ${this.#refusal.code}`;
  }

  #name(name: ByteString): void {
    const isName = name.length > 0 && name.length <= 255 && !/[/\0]/.test(name) && name !== "." && name !== "..";
    hold(isName, `names without slash and NUL, not ${JSON.stringify(name)}`);
  }

  /** What a listing shows, a search finds; names ascend. */
  #lookups(directory: DirectoryNode, children: readonly (readonly [ByteString, TreeNode])[]): void {
    for (let index = 0; index < children.length; index += 1) {
      const [name] = children[index]!;
      hold(index === 0 || children[index - 1]![0] < name, "children in byte order");
      if (index % 8 === 0)
        hold(directory.child(name) !== undefined, `child(${JSON.stringify(name)}) finds what children() lists`);
    }
    hold(directory.child("no such name" as ByteString) === undefined, "child() finds nothing else");
    hold(directory.child(".." as ByteString) === undefined, "child() does not go up");
  }

  #node(node: TreeNode): void {
    const { entry } = node;
    hold(entry.mode >= 0 && entry.mode <= 0o7777, "a mode of permission bits");
    hold(Number.isSafeInteger(entry.mtimeSeconds) && entry.mtimeNanoseconds < 1e9, "a time");
    hold(entry.uid >= 0 && entry.uid < 2 ** 32 && entry.gid >= 0 && entry.gid < 2 ** 32, "owners of 32 bits");
    for (const { name, value } of entry.xattrs) hold(name.length > 0 && value.length <= 65_535, "xattrs within their limits");
    if (entry.type === "symlink") hold(entry.target.length > 0 && entry.target.length <= 4095, "a target of 1 to 4,095 bytes");
    if (entry.type === "character") hold(entry.major !== 0 || entry.minor !== 0, "no whiteouts");
    if ("children" in node) hold(node.digest === undefined || /^[0-9a-f]{64}$/.test(node.digest), "a directory's digest");
    if ("links" in node) this.#attempt(() => this.#links(node.links));
    if ("content" in node && this.#contents) this.#content(node.content);
  }

  #links(links: LinkGroup | undefined): void {
    const paths = links?.paths() ?? [];
    hold(links === undefined || paths.length >= 2, "a link group of two paths or more");
  }

  #content(content: FileContent): void {
    hold(Number.isSafeInteger(content.size) && content.size >= 0, "a size");
    this.#attempt(() => hold(/^[0-9a-f]{64}$/.test(content.digest()), "a digest"));
    this.#attempt(() => content.stored?.layers);
    let position = 0;
    const starts: number[] = [];
    this.#attempt(() => {
      for (const { offset, length } of content.extents()) {
        hold(offset === position && length > 0, "extents without gaps");
        position += length;
        if (starts.length < 16) starts.push(offset);
      }
      hold(position === content.size, "extents up to the end");
    });
    this.#attempt(() => this.#read(content, starts));
  }

  #read(content: FileContent, starts: readonly number[]): void {
    const reader = content.open();
    let left = MOST_OF_A_FILE;
    for (const start of [...starts, Math.max(0, content.size - 100)]) {
      for (let position = start; left > 0 && this.#contentBytes < MOST_OF_A_TREE;) {
        const count = reader.read(PIECE, position);
        hold(count > 0 || position >= content.size, "bytes up to the end");
        if (count === 0) break;
        position += count;
        left -= count;
        this.#contentBytes += count;
      }
    }
    hold(reader.read(PIECE, content.size) === 0, "nothing after the end");
    reader.close();
  }

  /** @returns Whether it was not refused. */
  #attempt(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
      hold(error.code !== "BUG", `no BUG: ${error.message}`);
      this.#refusal ??= error;
      return false;
    }
  }
}
