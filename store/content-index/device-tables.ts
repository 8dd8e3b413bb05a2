import { closeSync, constants, openSync } from "node:fs";
import type { LayerId } from "../../core/model/ids.js";
import * as F from "../erofs/image-format.js";
import { decodeDevices, decodeSuperblock } from "../erofs/superblock.js";
import { readAt } from "../erofs/write-at.js";

/** The layers that some layers borrow from, by their device tables, which are read when they are first asked for. */
export class DeviceTables {
  readonly #layers: readonly LayerId[];
  readonly #file: (layer: LayerId) => string;
  #lenders: ReadonlyMap<LayerId, number> | undefined;

  constructor(layers: readonly LayerId[], file: (layer: LayerId) => string) {
    this.#layers = layers;
    this.#file = file;
  }

  /** With their place in the order of the layers, then of their slots. */
  get lenders(): ReadonlyMap<LayerId, number> {
    if (this.#lenders === undefined) {
      const all = new Set(this.#layers.flatMap((layer) => lendersOf(this.#file(layer), layer)));
      this.#lenders = new Map([...all].map((lender, place) => [lender, place]));
    }
    return this.#lenders;
  }
}

/** Nothing for what can't be read: whoever opens that layer hears of it. */
function lendersOf(file: string, layer: LayerId): readonly LayerId[] {
  let fd: number | undefined;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const block = Buffer.alloc(F.BLOCK_BYTES);
    const head = readAt(fd, block, 0) === block.length ? decodeSuperblock(block, layer) : "";
    if (typeof head === "string" || head.deviceCount === 0) return [];
    const table = Buffer.alloc(head.deviceCount * F.SLOT_BYTES);
    return readAt(fd, table, head.deviceTable) === table.length ? (decodeDevices(table)?.map(({ id }) => id) ?? []) : [];
  } catch {
    return [];
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
