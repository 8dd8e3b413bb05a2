import path from "node:path";
import type { LayerId } from "../core/model/ids.js";

/** What `<store>/format` holds. A store of any other number is refused: see docs/on-disk-format.md, "Changes between versions". */
export const FORMAT_NUMBER = 1;

/** A tracked directory's store stands in it under this name. */
export const STORE_NAME = ".varve";

/** Every path below a store's directory. The same tree is drawn in docs/on-disk-format.md, "Folder tree". */
export interface StoreLayout {
  /** The store's directory, absolute. */
  readonly root: string;
  /** The format number; written last, so a directory without it is no store yet. */
  readonly format: string;
  /** Only while the store is being cloned: what of. */
  readonly cloning: string;
  /** A bare git repository. */
  readonly git: string;
  /** Layer images, each named by its LayerId. */
  readonly layers: string;
  layer(id: LayerId): string;
  /** Derived data; may be deleted at any time while no command runs. */
  readonly views: string;
  /** Derived from git objects: decoded commits. */
  readonly commitCache: string;
  /** Derived from git objects: the layers of long chains, by commit. */
  readonly chains: string;
  /** Derived from layer images: what consecutive layers of long chains change together. */
  readonly runs: string;
  /** Derived from chains: what long ones are mounted by. */
  readonly compositions: string;
  /** Derived from layer images: copies of what small layers of long chains hold. */
  readonly packs: string;
  /** Derived from layer images: which of them holds a content. */
  readonly contentIndex: string;
  /** Derived: layers that borrow from beyond their chain, by the id that they would have if they did not. */
  readonly variants: string;
  /** Derived from layer images: which of them are known to be what their ids say. */
  readonly proofs: string;
  /** Derived from layer images: the names that each of them holds. */
  readonly names: string;
  /** Derived from layer images: what they become when they are compressed to be sent. */
  readonly sent: string;
  /** Which repositories of registries are known to have a blob. */
  readonly blobPlaces: string;
  /** Derived from layer images, by those who can't mount them: each image's directories and files, by its id. */
  readonly unpacked: string;
  readonly blobs: string;
  readonly operations: string;
  readonly operationLog: string;
  /** What happened to containers; the file before it stands beside it. */
  readonly events: string;
  readonly containers: string;
  /** Named volumes, which containers share. */
  readonly volumes: string;
  /** What merges, rebases and bisections need to go on. */
  readonly progress: string;
  readonly worktree: string;
  /** Unfinished writes. Names come from `scratchPath` in store/scratch.ts. */
  readonly scratch: string;
  /** flock(2) is held on it by the command that changes the store. Never deleted. */
  readonly lock: string;
}

/** @param root The store's directory; made absolute. */
export function storeLayout(root: string): StoreLayout {
  const at = (...parts: string[]): string => path.join(path.resolve(root), ...parts);
  const layers = at("layers", "sha256");
  return {
    root: path.resolve(root),
    format: at("format"),
    cloning: at("cloning"),
    git: at("git"),
    layers,
    layer: (id) => `${layers}/${id}`,
    views: at("views"),
    commitCache: at("views", "commits"),
    chains: at("views", "chains"),
    runs: at("views", "runs"),
    compositions: at("views", "compositions"),
    packs: at("views", "packs"),
    contentIndex: at("views", "contents"),
    variants: at("views", "variants"),
    proofs: at("views", "proofs"),
    names: at("views", "names"),
    sent: at("views", "sent"),
    blobPlaces: at("views", "blob-places"),
    unpacked: at("unpacked"),
    blobs: at("blobs"),
    operations: at("operations"),
    operationLog: at("operations", "log"),
    events: at("operations", "events"),
    containers: at("containers"),
    volumes: at("volumes"),
    progress: at("progress"),
    worktree: at("worktree"),
    scratch: at("scratch"),
    lock: at("lock"),
  };
}
