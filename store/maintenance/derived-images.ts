import { existsSync, lstatSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";
import type { KeptView } from "../../core/ports/garbage.js";
import type { CacheFault } from "../../core/ports/store-checks.js";
import { layerIdOf } from "../erofs/layer-id.js";
import { LayerImages } from "../erofs/layer-images.js";
import { layersOfPack, listPacks, namesIn } from "../layers/layer-packs.js";
import { listRuns } from "../layers/layer-runs.js";
import { listUnpacked } from "../layers/unpacked-layers.js";
import { areContentsSound } from "../layers/sound-contents.js";
import type { StoreLayout } from "../store-layout.js";
import { stateOf } from "../erofs/verify-image.js";

const STAT_BLOCK_BYTES = 512;

/** An image that was made of several layers. */
interface DerivedImage {
  /** What goes with it: a run's folder, a pack's file. */
  readonly path: string;
  readonly id: LayerId;
  readonly file: string;
  /** Of a run: the newest layer that it shows. */
  readonly newest?: LayerId;
}

/** Runs and packs, and what they show. */
export function listViews(layout: StoreLayout): readonly KeptView[] {
  const derived = new DerivedImages(layout);
  try {
    const images = [...derived.runs, ...derived.packs].map((image) => {
      const blocks = statSync(image.file, { throwIfNoEntry: false })?.blocks ?? 0;
      return { path: path.relative(layout.root, image.path), layers: derived.shownBy(image), bytes: blocks * STAT_BLOCK_BYTES };
    });
    return [...images, ...unpackedViews(layout, derived)];
  } finally {
    derived.close();
  }
}

/** Images that were unpacked for a user namespace: they go with the layers, or the run, that they are of. */
function unpackedViews(layout: StoreLayout, derived: DerivedImages): readonly KeptView[] {
  return listUnpacked(layout).map(({ path: directory, id }) => {
    const run = derived.runs.find((each) => each.id === id);
    const layers = run === undefined ? [id] : derived.shownBy(run);
    return { path: path.relative(layout.root, directory), layers, bytes: bytesBelow(directory) };
  });
}

/** What a directory takes on the disk. Names are bytes, which strings would lose. */
export function bytesBelow(directory: string): number {
  let blocks = 0;
  const folders = [Buffer.from(directory)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(folder, { withFileTypes: true, encoding: "buffer" })) {
      const file = Buffer.concat([folder, Buffer.from("/"), entry.name]);
      if (entry.isDirectory()) folders.push(file);
      blocks += lstatSync(file, { throwIfNoEntry: false })?.blocks ?? 0;
    }
  }
  return blocks * STAT_BLOCK_BYTES;
}

/** Runs and packs that are damaged, or show what is gone, and what else stands among them. */
export function findViewFaults(layout: StoreLayout): readonly CacheFault[] {
  const derived = new DerivedImages(layout);
  try {
    // Packs first: a run that points at a broken one is of no use either.
    const faults = [...derived.packs, ...derived.runs].flatMap((image) => {
      const state = derived.fault(image);
      return state === undefined ? [] : [{ path: image.path, state }];
    });
    const known = new Set([...derived.packs, ...derived.runs].map((image) => image.path));
    const strays = [layout.packs, layout.runs]
      .flatMap((folder) => namesIn(folder).map((name) => path.join(folder, name)))
      .filter((file) => !known.has(file))
      .map((file) => ({ path: file, state: "has a name that no view has, or is empty" }));
    return [...faults, ...strays].map((fault) => ({ ...fault, path: path.relative(layout.root, fault.path) }));
  } finally {
    derived.close();
  }
}

class DerivedImages {
  readonly runs: readonly DerivedImage[];
  readonly packs: readonly DerivedImage[];
  readonly #layout: StoreLayout;
  readonly #images: LayerImages;
  readonly #packs: ReadonlyMap<LayerId, DerivedImage>;
  readonly #broken = new Set<LayerId>();

  constructor(layout: StoreLayout) {
    this.#layout = layout;
    this.runs = listRuns(layout);
    this.packs = listPacks(layout).map(({ id, file }) => ({ path: file, id, file }));
    this.#packs = new Map(this.packs.map((pack) => [pack.id, pack]));
    this.#images = new LayerImages(layout.layers, {
      elsewhere: new Map([...this.runs, ...this.packs].map(({ id, file }) => [id, file])),
    });
  }

  /** Layers without which nobody asks for it. Of a damaged one, as far as they can be told. */
  shownBy({ id, newest }: DerivedImage): readonly LayerId[] {
    const shown = new Set(newest === undefined ? [] : [newest]);
    try {
      for (const layer of this.#layersOf(id)) shown.add(layer);
    } catch (error) {
      if (!(error instanceof VarveError)) throw error;
    }
    return [...shown];
  }

  /** What is wrong with it, as text that follows its name. Packs are to be asked for before runs. */
  fault(image: DerivedImage): string | undefined {
    const state = this.#faultOf(image);
    if (state !== undefined) this.#broken.add(image.id);
    return state;
  }

  close(): void {
    this.#images.close();
  }

  #faultOf(derived: DerivedImage): string | undefined {
    const { id } = derived;
    try {
      const image = this.#images.get(id);
      if (layerIdOf(image) !== id) return "has other bytes than its id says";
      if (this.#packs.has(id) && !areContentsSound(image)) return "has other contents than its digests say";
      const broken = image.devices.find((device) => this.#broken.has(device));
      if (broken !== undefined) return `points at pack "${broken}", which is broken`;
      const missing = this.shownBy(derived).find((layer) => !existsSync(this.#layout.layer(layer)));
      return missing && `shows layer "${missing}", which is gone`;
    } catch (error) {
      return stateOf(error);
    }
  }

  *#layersOf(id: LayerId): Generator<LayerId> {
    const image = this.#images.get(id);
    if (this.#packs.has(id)) yield* layersOfPack(image);
    for (const device of image.devices) {
      if (this.#packs.has(device)) yield* layersOfPack(this.#images.get(device));
      else yield device;
    }
  }
}
