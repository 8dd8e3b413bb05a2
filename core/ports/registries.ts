import type { ImageReference } from "../model/image.js";
import type { OutgoingHistory } from "./histories.js";
import type { OpenedImages, OpenImageOptions, OutgoingImage } from "./images.js";

export interface RegistryOptions {
  /** Registries, `HOST` or `HOST:PORT`, that may be spoken to without TLS, beside those of this machine. */
  readonly insecure: ReadonlySet<string>;
  /** Hears each time that something has failed and is tried again after a while. */
  readonly onSetback?: ((setback: Setback) => void) | undefined;
}

export interface Setback {
  /** What has failed, as a message. */
  readonly reason: string;
  /** Until the next try. */
  readonly milliseconds: number;
}

export interface PullOptions extends RegistryOptions {
  /** Looks for a history that belongs to the image. */
  readonly history?: boolean | undefined;
}

export interface PushOptions extends RegistryOptions {
  /** Sent before the image, which it belongs to. */
  readonly history?: OutgoingHistory | undefined;
  /** Blobs that are sent at once. */
  readonly jobs?: number | undefined;
  /** Hears of each blob. */
  readonly onTransfer?: ((event: TransferEvent) => void) | undefined;
}

/** What becomes of one blob. */
export interface TransferEvent {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  /** Bytes that were transferred so far. */
  readonly done: number;
  /** `there`: who wants it had it before. `mounted`: the registry took it over from the repository `from`. The last event is one of those, or `done`. */
  readonly state: "moving" | "done" | "there" | "mounted";
  readonly from?: string | undefined;
}

export interface PushedImage {
  /** Of the manifest. */
  readonly digest: string;
  /** What the tag named before, another manifest, which is still there by its digest; where the registry tells. */
  readonly replaced: string | undefined;
  /** Bytes of blobs that the registry did not have. */
  readonly sentBytes: number;
  /** Of the history's manifest. */
  readonly historyDigest: string | undefined;
  /** Why the registry did not take the history. */
  readonly historyFault: string | undefined;
}

export interface RemoteTag {
  readonly tag: string;
  /** Of its manifest, or index. */
  readonly digest: string;
}

export interface RemovedManifest {
  readonly digest: string;
  /** False when the registry took a tag away alone: its manifest is there for who knows the digest. */
  readonly isDeleted: boolean;
  /** That are gone. */
  readonly tags: readonly string[];
}

export interface KeptLogin {
  readonly file: string;
  /** The program that has the password; absent when it stands in the file. */
  readonly helper: string | undefined;
}

/**
 * Registries of images, OCI distribution 1.1. Credentials are those that docker and podman keep. All throw VarveError REGISTRY_UNREACHABLE, REGISTRY_DENIED,
 * REGISTRY_INVALID, INTERRUPTED.
 */
export interface Registries {
  /**
   * An image of a registry, and the history that belongs to it, if there is one: its documents are there then, its layers come when they are read, and are checked.
   * @throws VarveError IMAGE_UNKNOWN; SOURCE_MISSING for a platform that it is not for; UNSUPPORTED for schema 1.
   */
  open(reference: ImageReference, options: OpenImageOptions & PullOptions): Promise<OpenedImages>;

  /** Sends what the registry lacks, the manifest last: the tag names the whole image or what it named before. */
  push(image: OutgoingImage, reference: ImageReference, options: PushOptions): Promise<PushedImage>;

  /** All tags of the reference's repository, in byte order. @throws VarveError IMAGE_UNKNOWN. */
  tags(reference: ImageReference, options: RegistryOptions): Promise<readonly RemoteTag[]>;

  /**
   * Takes a tag away; where the registry deletes manifests alone, the manifest with all of its tags. Nothing brings it back.
   * @throws VarveError IMAGE_UNKNOWN; UNSUPPORTED where nothing may be deleted; without `force` CONFLICT when other tags would go, too.
   */
  remove(reference: ImageReference, options: RegistryOptions & { readonly force: boolean }): Promise<RemovedManifest>;

  /** @throws VarveError REGISTRY_DENIED, and then nothing is kept. */
  login(
    registry: string,
    who: { readonly username: string; readonly password: string },
    options: RegistryOptions,
  ): Promise<KeptLogin>;

  /** @returns Whether there was anything to forget. */
  logout(registry: string): Promise<boolean>;
}
