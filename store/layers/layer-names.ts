import type { LayerId } from "../../core/model/ids.js";
import type { PathSelection } from "../../core/paths/path-selection.js";
import type { LayerName } from "../../core/ports/layer-store.js";
import type { LayerImages } from "../erofs/layer-images.js";
import type { ProvenImages } from "../proofs/proven-images.js";
import { changesSelected, recordChangesSelected } from "./changed-paths.js";
import { encodeNames, hidesWhatIsBelow, namesOf, namesOfImage, type NameRecord } from "./name-record.js";
import { NameTable, type NameTableLayout } from "./name-table.js";

/** Layers that are read before what was learnt is written down. */
const KEPT_TOGETHER = 512;

/** Hears how many layers had to be read; nothing at the end. */
export type ObserveReading = (layers: number | undefined) => void;

/** What layers say of names, through a cache: an image is opened once in its life. */
export class LayerNames {
  readonly #proven: ProvenImages;
  readonly #table: NameTable;
  readonly #observe: ObserveReading | undefined;
  #images: LayerImages | undefined;
  #read = 0;

  constructor(layout: NameTableLayout & { readonly proven: ProvenImages }, observe: ObserveReading | undefined) {
    this.#proven = layout.proven;
    this.#table = new NameTable(layout);
    this.#observe = observe;
  }

  changes(id: LayerId, paths: PathSelection): boolean | undefined {
    return this.#ask(
      id,
      (record) => recordChangesSelected(record, paths),
      () => this.#withImages((images) => changesSelected(images.get(id), paths)),
    );
  }

  names(id: LayerId): Iterable<LayerName> | undefined {
    return this.#ask<Iterable<LayerName> | undefined>(
      id,
      (record) => [...namesOf(record)],
      () => this.#withImages((images) => (hidesWhatIsBelow(images.get(id)) ? undefined : namesOfImage(images.get(id)))),
    );
  }

  /** Writes down what was learnt, and lets go of images. */
  keep(): void {
    if (this.#read > 0) this.#observe?.(undefined);
    this.#read = 0;
    this.#flush();
  }

  #flush(): void {
    this.#images?.close();
    this.#images = undefined;
    this.#table.keep();
  }

  #ask<Answer>(id: LayerId, ofRecord: (record: NameRecord) => Answer, ofImage: () => Answer): Answer {
    const known = this.#table.get(id);
    if (known !== undefined) {
      if (known.record === undefined) return ofImage();
      try {
        return ofRecord(known.record);
      } catch (error) {
        // A row with a right checksum that somebody else wrote.
        if (!(error instanceof RangeError)) throw error;
      }
    }
    const record = this.#readRecord(id);
    return record === undefined ? ofImage() : ofRecord(record);
  }

  #readRecord(id: LayerId): NameRecord | undefined {
    const record = this.#withImages((images) => encodeNames(images.get(id)));
    this.#read += 1;
    this.#observe?.(this.#read);
    if (this.#table.put(id, record) >= KEPT_TOGETHER) this.#flush();
    return record;
  }

  #withImages<T>(use: (images: LayerImages) => T): T {
    return use((this.#images ??= this.#proven.open()));
  }
}
