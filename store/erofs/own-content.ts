import type { ContentDigest, LayerId } from "../../core/model/ids.js";
import type { StoredContent } from "../../core/model/tree.js";
import type { PlaceBelow } from "../../core/ports/layer-store.js";
import type { ContentTable } from "./content-table.js";
import type { Lenders } from "./lenders.js";

/** Content of the layer being written. */
export class OwnStoredContent implements StoredContent {
  /** The writer whose content it is. */
  readonly owner: object;
  readonly content: number;
  /** Where else its bytes are, for one file. */
  readonly below: PlaceBelow | undefined;
  readonly #table: ContentTable;
  readonly #lenders: Lenders;

  constructor(owner: object, content: number, table: ContentTable, lenders: Lenders, below: PlaceBelow | undefined) {
    this.below = below;
    this.owner = owner;
    this.content = content;
    this.#table = table;
    this.#lenders = lenders;
  }

  get digest(): ContentDigest {
    return this.#table.digest(this.content).toString("hex") as ContentDigest;
  }

  get size(): number {
    return this.#table.size[this.content] as number;
  }

  /** The lenders alone: the layer itself has no id yet. */
  get layers(): readonly LayerId[] {
    return [...this.#table.lenders(this.content)].flatMap((number) => this.#lenders.layer(number) ?? []);
  }
}
