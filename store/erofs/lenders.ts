import type { LayerId } from "../../core/model/ids.js";
import type { OwnRun } from "./content-pieces.js";
import type { LentRun } from "./content-places.js";
import * as F from "./image-format.js";
import type { ImageRun } from "./stored-content.js";

/** Which layers may lend to the layer being written. */
export interface LendingRules {
  /** Whether the layer is one of the chain, or lends to one of the chain. */
  isOfChain(layer: LayerId): boolean;
  /** Whether the layer stands beyond the chain and is sure to be kept. */
  isKept(layer: LayerId): boolean;
}

/** Of which images some runs may be a part: of any, or of none that borrows from the chain alone. */
export type Origin = "chain" | "outside";

/** More layers beyond the chain than these do not lend to one layer. */
const MOST_OUTSIDE = 128;
/** Layers that lend to a chain, counted beyond its own. */
const MOST_BESIDE_CHAIN = 128;

/**
 * The layers of which a layer being written points at blocks, in two device tables: that of the image that is written, and that of the canonical
 * image, which borrows from the chain alone. Numbers count from 1 in the order in which lenders are met, slots in the order of use.
 */
export class Lenders {
  readonly #rules: LendingRules | undefined;
  readonly #mostOfChain: number;
  readonly #layers: LayerId[] = [];
  readonly #numbers = new Map<LayerId, number>();
  readonly #written = new SlotTable();
  readonly #canonical = new SlotTable();
  /** Lenders of the written image that the canonical one does not have. */
  #outside = 0;

  /** @param chain How many layers it has. @param rules Absent for images that show what layers hold: any layer may lend to them. */
  constructor(chain: number, rules: LendingRules | undefined) {
    this.#rules = rules;
    this.#mostOfChain =
      rules === undefined ? F.MAXIMUM_SLOTS : Math.min(chain + MOST_BESIDE_CHAIN, F.MAXIMUM_SLOTS - MOST_OUTSIDE);
  }

  /** Slots that there must be room for. */
  get most(): number {
    return this.#rules === undefined ? F.MAXIMUM_SLOTS : this.#mostOfChain + MOST_OUTSIDE;
  }

  /** In slot order. */
  get written(): readonly LayerId[] {
    return this.#written.layers;
  }

  get canonical(): readonly LayerId[] {
    return this.#canonical.layers;
  }

  /** By number, from 0: slots of the written image. */
  get writtenSlots(): readonly number[] {
    return this.#written.slots;
  }

  get canonicalSlots(): readonly number[] {
    return this.#canonical.slots;
  }

  /** @returns `undefined` when they can't be borrowed. */
  originOf(runs: readonly ImageRun[]): Origin | undefined {
    const layers = new Set(runs.map(({ layer }) => layer));
    if ([...layers].every((layer) => this.#rules?.isOfChain(layer) !== false)) {
      return this.#canonical.length + this.#fresh(this.#canonical, layers) <= this.#mostOfChain ? "chain" : undefined;
    }
    if (![...layers].every((layer) => this.#rules?.isOfChain(layer) === true || this.#rules?.isKept(layer) === true))
      return undefined;
    return this.#outside + this.#fresh(this.#written, layers) <= MOST_OUTSIDE ? "outside" : undefined;
  }

  /** @param number 0 is no lender. */
  layer(number: number): LayerId | undefined {
    return this.#layers[number - 1];
  }

  /** @param runs Those of layers have an origin: `chain`, or, for the written image alone, `outside`. */
  borrow(runs: readonly (OwnRun | ImageRun)[], into: "both" | "written" | "canonical"): LentRun[] {
    return runs.map((run) => {
      const { block, count, address } = run;
      return { block, count, address, lender: "layer" in run ? this.#use(run.layer, into) : 0 };
    });
  }

  #fresh(table: SlotTable, layers: ReadonlySet<LayerId>): number {
    return [...layers].filter((layer) => !table.has(this.#numbers.get(layer))).length;
  }

  /** @returns The layer's number. */
  #use(layer: LayerId, into: "both" | "written" | "canonical"): number {
    let number = this.#numbers.get(layer);
    if (number === undefined) {
      number = this.#layers.push(layer);
      this.#numbers.set(layer, number);
    }
    const before = this.#isOutside(number);
    if (into !== "canonical") this.#written.add(number, layer);
    if (into !== "written") this.#canonical.add(number, layer);
    this.#outside += Number(this.#isOutside(number)) - Number(before);
    return number;
  }

  #isOutside(number: number): boolean {
    return this.#written.has(number) && !this.#canonical.has(number);
  }
}

/** A device table in the making. */
class SlotTable {
  readonly layers: LayerId[] = [];
  /** By the lender's number; 0 is the image itself. */
  readonly slots: number[] = [0];

  get length(): number {
    return this.layers.length;
  }

  has(number: number | undefined): boolean {
    return number !== undefined && this.slots[number] !== undefined;
  }

  add(number: number, layer: LayerId): void {
    this.slots[number] ??= this.layers.push(layer);
  }
}
