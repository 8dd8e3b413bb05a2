import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { joinPath, textOf, type ByteString } from "../../core/model/byte-string.js";
import type { FileEntry } from "../../core/model/entry.js";
import { treePathText } from "../../core/model/paths.js";
import type { DirectoryNode, OtherNode, TreeNode } from "../../core/model/tree.js";
import type { ConfinedRoot, FoundNode } from "../../core/ports/plain-directories.js";
import { inTurns, type Turns } from "../../core/turns.js";
import { hasCode } from "../../linux/errno.js";
import {
  AT_FDCWD,
  closeDescriptor,
  duplicateDescriptor,
  O_PATH,
  openAt,
  openWithin,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from "../../linux/open-at.js";
import { renameAt } from "../../linux/rename.js";
import { FileStat, S_IFDIR, S_IFREG, statDescriptor, tryStatAt } from "../../linux/stat.js";
import { unlink } from "../../linux/unlink.js";
import { systemFailure } from "../system-failure.js";
import { DirectoryOpener } from "./directory-opener.js";
import { openDirectoryRoot } from "./live-directory.js";
import { leaderOf, NodeWriter, setDirectoryMetadata } from "./node-writer.js";
import { sourceFailure } from "./source-failure.js";
import { entryAt, UnscannedContent, unscannedTree } from "./unscanned-tree.js";

const CONFINED = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
/** What a symlink's target does with `..` while somebody renames directories is told as EAGAIN. */
const ATTEMPTS = 100;
const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;
const READ_FILE = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** `PlainDirectories.openConfined`. */
export function openConfinedRoot(path: string, isWritten = false): ConfinedRoot {
  const { root } = openDirectoryRoot(path);
  return {
    find: (place, follows) => find(root, place, follows, isWritten),
    put: async (directory, nodes) => inTurns(put(root, directory, nodes)),
    close: () => closeDescriptor(root),
  };
}

function openConfined(root: number, path: ByteString, flags: number): number {
  for (let attempt = 1; ; attempt++) {
    try {
      return openWithin(root, path === "" ? "." : path, flags, CONFINED);
    } catch (error) {
      if (!hasCode(error, "EAGAIN") || attempt >= ATTEMPTS) throw error;
    }
  }
}

function find(root: number, path: ByteString, follows: boolean, isWritten: boolean): FoundNode | undefined {
  const place = `/${path}` as ByteString;
  let descriptor: number;
  try {
    descriptor = openConfined(root, path, O_PATH | (follows ? 0 : constants.O_NOFOLLOW));
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG")) return undefined;
    throw sourceFailure(error, place);
  }
  try {
    return foundNode(descriptor, place, isWritten);
  } catch (error) {
    closeDescriptor(descriptor);
    throw sourceFailure(error, place);
  }
}

function foundNode(descriptor: number, place: ByteString, isWritten: boolean): FoundNode {
  const stat = statDescriptor(descriptor);
  const path = `/proc/self/fd/${descriptor}`;
  if (stat.type === S_IFDIR) {
    const tree = unscannedTree(new DirectoryOpener(openAt(AT_FDCWD, path, OPEN_DIRECTORY), place), undefined, isWritten);
    const close = (): void => {
      tree.close();
      closeDescriptor(descriptor);
    };
    return { node: tree.root, path, close };
  }
  const close = (): void => closeDescriptor(descriptor);
  const entry = entryAt(descriptor, "", stat);
  if (stat.type !== S_IFREG) return { node: { entry, links: undefined } as OtherNode, path, close };
  // The link in /proc leads to the very inode that is held.
  const open = (): number => openAt(AT_FDCWD, path, READ_FILE);
  const content = new UnscannedContent(open, stat, () => place, isWritten);
  return { node: { entry: entry as FileEntry, links: undefined, content }, path, close };
}

function* put(root: number, directory: ByteString, nodes: Iterable<readonly [ByteString, TreeNode]>): Turns<void> {
  const opener = new DirectoryOpener(openDestination(root, directory));
  const sources = new DirectoryOpener(duplicateDescriptor(opener.root));
  try {
    const placing = new Placing(opener, new NodeWriter(opener, sources), directory);
    for (const [name, node] of nodes) yield* placing.place(node, "" as ByteString, name);
  } finally {
    sources.close();
    opener.close();
  }
}

function openDestination(root: number, directory: ByteString): number {
  const text = treePathText(directory);
  try {
    return openConfined(root, directory, OPEN_DIRECTORY);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) throw systemFailure(`write into "${text}"`, error, text);
    throw new VarveError("PATH_MISSING", `Cannot write into "${text}": there is no such directory`, { path: text, cause: error });
  }
}

/** Puts nodes below an opened directory, by descriptors. */
class Placing {
  readonly #opener: DirectoryOpener;
  readonly #writer: NodeWriter;
  readonly #directory: ByteString;
  readonly #stat = new FileStat();

  constructor(opener: DirectoryOpener, writer: NodeWriter, directory: ByteString) {
    this.#opener = opener;
    this.#writer = writer;
    this.#directory = directory;
  }

  *place(node: TreeNode, parent: ByteString, name: ByteString): Turns<void> {
    const path = joinPath(parent, name);
    const found = this.#typeAt(parent, name);
    if (found === undefined) return yield* this.#writer.write(node, this.#own(path), parent, name);
    const isDirectory = "children" in node;
    if (isDirectory !== (found === S_IFDIR)) throw this.#otherType(path, isDirectory);
    if (isDirectory) return yield* this.#merge(node, path);
    yield* this.#replace(node, parent, name);
  }

  *#merge(node: DirectoryNode, path: ByteString): Turns<void> {
    for (const [name, child] of node.children()) yield* this.place(child, path, name);
    this.#doing(path, () => setDirectoryMetadata(this.#opener.open(path), node));
  }

  /** Written beside it first: who reads it meanwhile has the old one or the new one, whole. */
  *#replace(node: TreeNode, parent: ByteString, name: ByteString): Turns<void> {
    const path = joinPath(parent, name);
    const scratch = `.varve-cp-${randomBytes(6).toString("hex")}` as ByteString;
    yield* this.#writer.write(node, this.#own(path), parent, scratch);
    this.#doing(path, () => {
      const directory = this.#opener.open(parent);
      try {
        renameAt(directory, scratch, directory, name);
        this.#writer.noteLeader(leaderOf(node, this.#own(path)), path);
      } catch (error) {
        unlink(directory, scratch);
        throw error;
      }
    });
  }

  /** As the nodes' hardlinks tell paths. */
  #own(path: ByteString): ByteString {
    return joinPath(this.#directory, path);
  }

  #typeAt(parent: ByteString, name: ByteString): number | undefined {
    return this.#doing(joinPath(parent, name), () => {
      const errno = tryStatAt(this.#opener.open(parent), name, this.#stat);
      return errno === 0 ? this.#stat.type : undefined;
    });
  }

  #doing<T>(path: ByteString, work: () => T): T {
    const text = treePathText(this.#own(path));
    try {
      return work();
    } catch (error) {
      throw systemFailure(`write "${text}"`, error, text);
    }
  }

  #otherType(path: ByteString, isDirectory: boolean): VarveError {
    const text = textOf(this.#own(path));
    const [there, wanted] = isDirectory ? ["no directory", "a directory"] : ["a directory", "none"];
    return new VarveError("WRONG_TYPE", `Cannot replace "/${text}": it is ${there}, and what is copied is ${wanted}`, {
      path: `/${text}`,
      hint: "Remove it first, or copy to another place.",
    });
  }
}
