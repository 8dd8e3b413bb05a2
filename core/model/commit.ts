import type { CommitId, LayerId, RefName, TagId, TreeId } from "./ids.js";
import type { ImageRecord } from "./image.js";

export interface Signature {
  readonly name: string;
  readonly email: string;
  /** Whole seconds since 1970 UTC. */
  readonly seconds: number;
  /** Minutes east of UTC, as in `+0200` = 120. */
  readonly offsetMinutes: number;
}

/** What stands in a commit's `layer.json`. */
export interface LayerRecord {
  readonly layer: LayerId;
  readonly tree: TreeId;
  /** Entries by kind of change against the first parent. */
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
  /** Bytes that the layer image takes in the store. */
  readonly storedBytes: number;
}

/** How a commit was made, for those made by a process: `origin.json`. */
export interface Origin {
  readonly command: readonly string[];
  readonly exitCode: number;
  readonly durationMilliseconds: number;
}

/** The OCI image config (application/vnd.oci.image.config.v1+json), kept as it was read. */
export type ImageConfig = Readonly<Record<string, unknown>>;

export interface Commit extends LayerRecord {
  readonly id: CommitId;
  readonly parents: readonly CommitId[];
  readonly author: Signature;
  readonly committer: Signature;
  /** Without the trailing newline. */
  readonly message: string;
  readonly config: ImageConfig | undefined;
  readonly origin: Origin | undefined;
  readonly image?: ImageRecord | undefined;
}

export interface CommitDraft extends LayerRecord {
  readonly parents: readonly CommitId[];
  readonly author: Signature;
  readonly message: string;
  readonly config?: ImageConfig | undefined;
  readonly origin?: Origin | undefined;
  readonly image?: ImageRecord | undefined;
  /** By default who commits, now. */
  readonly committer?: Signature | undefined;
}

export interface Ref {
  readonly name: RefName;
  readonly commit: CommitId;
}

/** An annotated tag: a git object of its own, that a ref below `refs/tags/` names. */
export interface Tag extends TagDraft {
  readonly id: TagId;
}

export interface TagDraft {
  /** As people type it: `v1`. */
  readonly name: string;
  readonly commit: CommitId;
  readonly tagger: Signature;
  /** Without the trailing newline. */
  readonly message: string;
}
