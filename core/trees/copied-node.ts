import { joinPath, type ByteString } from "../model/byte-string.js";
import type { Entry } from "../model/entry.js";
import type { DirectoryNode, FileContent, LinkGroup, TreeNode } from "../model/tree.js";

export interface Copying {
  /** Where the node stands in its tree. */
  readonly from: ByteString;
  /** Where its copy is to stand. */
  readonly to: ByteString;
  /** Whose all of it becomes; as it is when absent. */
  readonly owner?: Owner | undefined;
  /** Whether what its tree says of stored content is of no use to others: of an archive's tree. */
  readonly unstored?: boolean;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** A node and what is below it as they are at another place: hardlinks are those among the copies. Closing its tree is left to the owner. */
export function copiedNode(node: TreeNode, copying: Copying): TreeNode {
  if ("children" in node) return new CopiedDirectory(node, copying);
  const links = node.links && linksOf(node.links, copying);
  if ("content" in node) {
    const content = copying.unstored === true ? contentAlone(node.content) : node.content;
    return { entry: owned(node.entry, copying), content, links };
  }
  return { entry: owned(node.entry, copying), links };
}

function contentAlone(content: FileContent): FileContent {
  return {
    size: content.size,
    knownDigest: content.knownDigest,
    stored: undefined,
    digest: () => content.digest(),
    extents: () => content.extents(),
    open: (options) => content.open(options),
  };
}

class CopiedDirectory implements DirectoryNode {
  readonly #node: DirectoryNode;
  readonly #copying: Copying;

  constructor(node: DirectoryNode, copying: Copying) {
    this.#node = node;
    this.#copying = copying;
  }

  get entry(): DirectoryNode["entry"] {
    return owned(this.#node.entry, this.#copying);
  }

  /** It tells of owners, too, but of no names above. */
  get digest(): DirectoryNode["digest"] {
    return this.#copying.owner === undefined ? this.#node.digest : undefined;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    for (const [name, node] of this.#node.children()) yield [name, copiedNode(node, this.#copying)];
  }

  child(name: ByteString): TreeNode | undefined {
    const node = this.#node.child(name);
    return node && copiedNode(node, this.#copying);
  }
}

function owned<Kind extends Entry>(entry: Kind, { owner }: Copying): Kind {
  return owner === undefined ? entry : { ...entry, uid: owner.uid, gid: owner.gid };
}

function linksOf({ paths }: LinkGroup, { from, to }: Copying): LinkGroup | undefined {
  const copies = paths().flatMap((path) => {
    if (path === from) return [to];
    if (from !== "" && !path.startsWith(`${from}/`)) return [];
    return [joinPath(to, (from === "" ? path : path.slice(from.length + 1)) as ByteString)];
  });
  return copies.length < 2 ? undefined : { key: copies[0]!, paths: () => copies };
}
