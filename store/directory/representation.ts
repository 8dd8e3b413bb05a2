import type { ByteString } from "../../core/model/byte-string.js";
import type { Entry, Xattr } from "../../core/model/entry.js";
import { VarveError } from "../../core/errors.js";
import { treePathText } from "../../core/model/paths.js";
import { holdsId, type IdRange, readIdMap } from "../../linux/user-namespace.js";

/** The other user's ids that a map of one id holds: none. */
const SINGLE = 1;

/**
 * What files can be of entries where the process is root of a user namespace alone: some xattrs are none of its business, and it has the ids that
 * its map holds. With a map of one id all files are that one's; with more, other ids are refused.
 */
export class Representation {
  readonly #uids: readonly IdRange[];
  readonly #gids: readonly IdRange[];
  readonly #isSingle: boolean;
  /** How many devices were left out, which nobody may make here. */
  devices = 0;

  constructor(uids: readonly IdRange[] = readIdMap("uid"), gids: readonly IdRange[] = readIdMap("gid")) {
    this.#uids = uids;
    this.#gids = gids;
    this.#isSingle = [uids, gids].some((map) => map.reduce((sum, { count }) => sum + count, 0) <= SINGLE);
  }

  /** The entry as a file can have it. @throws VarveError UNSUPPORTED for an owner that has no id here. */
  represented<E extends Entry>(entry: E, path: ByteString): E {
    const isPlain = entry.xattrs.every(({ name }) => this.#holdsXattr(name)) && this.#holdsOwner(entry);
    if (isPlain) return entry;
    if (!this.#isSingle && !this.#holdsOwner(entry)) throw this.#ownerRefused(entry, path);
    const owner = this.#isSingle ? { uid: 0, gid: 0 } : {};
    return { ...entry, ...owner, xattrs: entry.xattrs.filter(({ name }) => this.#holdsXattr(name)) };
  }

  /**
   * What is meant by a file that stands at the place of another: that which no file here can have is as it was.
   * @param former Of the same type, as it was before it was represented.
   */
  restored<E extends Entry>(entry: E, former: Entry): E {
    const lost = former.xattrs.filter(({ name }) => !this.#holdsXattr(name));
    const owner = this.#isSingle ? { uid: former.uid, gid: former.gid } : {};
    if (lost.length === 0 && !this.#isSingle) return entry;
    return { ...entry, ...owner, xattrs: lost.length === 0 ? entry.xattrs : merged(entry.xattrs, lost) };
  }

  #holdsOwner({ uid, gid }: Entry): boolean {
    return holdsId(this.#uids, uid) && holdsId(this.#gids, gid);
  }

  /** Those of overlayfs in this form would be taken for its own; an access control list names ids. */
  #holdsXattr(name: ByteString): boolean {
    if (name.startsWith("system.posix_acl_")) return !this.#isSingle;
    return name === "security.capability" || (name.startsWith("user.") && !name.startsWith("user.overlay."));
  }

  #ownerRefused({ uid, gid }: Entry, path: ByteString): VarveError {
    const [what, id, map, file] = holdsId(this.#uids, uid)
      ? (["group", gid, this.#gids, "/etc/subgid"] as const)
      : (["user", uid, this.#uids, "/etc/subuid"] as const);
    const highest = Math.max(...map.map(({ inside, count }) => inside + count - 1));
    const text = treePathText(path);
    return new VarveError(
      "UNSUPPORTED",
      `Cannot unpack "${text}": it belongs to ${what} ${id}, and ids here go up to ${highest}`,
      {
        path: text,
        hint: `Have an administrator give this user ${id} ids or more in ${file}, or run the command as root.`,
      },
    );
  }
}

function merged(present: readonly Xattr[], more: readonly Xattr[]): readonly Xattr[] {
  const kept = present.filter(({ name }) => !more.some((other) => other.name === name));
  return [...kept, ...more].sort((a, b) => (a.name < b.name ? -1 : 1));
}
