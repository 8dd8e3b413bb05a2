import type { TreeId } from "../../core/model/ids.js";
import type { BlobDigest, SizedDigest } from "../../core/model/image.js";
import type { SentTars } from "../../core/ports/images.js";
import { GZIP_FORM } from "../tar/gzip-stream.js";
import { SentTable } from "./sent-table.js";

/** To be counted up when layerTar makes other bytes of the same tree. */
const TAR_FORM = 1;

/** Images.sent. */
export class StoredSentTars implements SentTars {
  readonly #table: SentTable;

  /** @param file `views/sent`. */
  constructor(file: string) {
    this.#table = new SentTable(file);
  }

  tar(before: TreeId | undefined, after: TreeId): SizedDigest | undefined {
    return this.#table.find(tarKey(before, after));
  }

  rememberTar(before: TreeId | undefined, after: TreeId, tar: SizedDigest): void {
    this.#table.add(tarKey(before, after), tar);
  }

  compressed(diffId: BlobDigest): SizedDigest | undefined {
    return this.#table.find(`${diffId} ${GZIP_FORM}`);
  }

  rememberCompressed(diffId: BlobDigest, compressed: SizedDigest): void {
    this.#table.add(`${diffId} ${GZIP_FORM}`, compressed);
  }

  forget(): void {
    this.#table.forget();
  }
}

const tarKey = (before: TreeId | undefined, after: TreeId): string => `${before ?? "empty"}..${after} tar-${TAR_FORM}`;
