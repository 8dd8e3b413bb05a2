import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";
import { ChainTree } from "../../store/erofs/chain-tree.js";
import { LayerImages } from "../../store/erofs/layer-images.js";
import type { FuzzTarget, Outcome } from "./fuzz-target.js";
import { fixChecksum, imageFields, reseal, type Field } from "./image-fields.js";
import { mutateBytes, writeEdge } from "./mutate-bytes.js";
import type { Random } from "./random.js";
import { walkEverything } from "./walk-everything.js";

const SEEDS = path.resolve("fixtures/images/v1");
/** Images above are taken seldom: they cost time and show little. */
const SMALL_BYTES = 100_000;

interface SeedImage {
  readonly id: LayerId;
  readonly bytes: Buffer;
  readonly fields: readonly Field[];
}

interface SeedChain {
  readonly name: string;
  /** Newest first. */
  readonly images: readonly SeedImage[];
}

/** One image of a chain, changed. */
export interface ImageInput {
  readonly chain: string;
  /** Of the chain's images, newest first. */
  readonly victim: number;
  /** Under which name the store has it. */
  readonly id: LayerId;
  readonly bytes: Buffer;
}

/** Chains of golden images in which one is changed: its superblock's checksum is put right mostly, and its id often. */
export class ImageTarget implements FuzzTarget<ImageInput> {
  readonly name = "image";
  readonly directory: string;
  readonly #chains: readonly SeedChain[];

  /** @param scratch A directory to make one in; best in memory. */
  constructor(scratch: string) {
    this.directory = mkdtempSync(path.join(scratch, "varve-fuzz-image-"));
    this.#chains = readdirSync(SEEDS, { withFileTypes: true })
      .filter((each) => each.isDirectory())
      .map(({ name }) => ({ name, images: readChain(path.join(SEEDS, name)) }));
    for (const { name, images } of this.#chains) {
      mkdirSync(path.join(this.directory, name));
      for (const { id, bytes } of images) writeFileSync(path.join(this.directory, name, id), bytes);
    }
  }

  mutate(random: Random): ImageInput {
    let chain = random.pick(this.#chains);
    if (chain.images.some(({ bytes }) => bytes.length > SMALL_BYTES) && !random.once(32)) chain = this.#chains[1] ?? chain;
    const victim = random.below(chain.images.length);
    const { id, bytes: whole, fields } = chain.images[victim]!;
    let bytes: Buffer = Buffer.from(whole);
    for (let count = 1 + random.below(random.once(4) ? 8 : 2); count > 0; count -= 1) bytes = mutation(bytes, fields, random);
    const seal = random.below(8);
    if (seal < 3 && victim === 0) return { chain: chain.name, victim, id: (reseal(bytes) ?? id) as LayerId, bytes };
    if (seal < 7) fixChecksum(bytes);
    return { chain: chain.name, victim, id, bytes };
  }

  execute(input: ImageInput): Outcome {
    const { ids, bytes, restore } = this.place(input);
    try {
      const images = new LayerImages(path.join(this.directory, input.chain));
      const tree = new ChainTree(images, ids);
      try {
        return walkEverything(tree, bytes);
      } finally {
        tree.close();
      }
    } catch (error) {
      if (error instanceof VarveError) return `refused ${error.code}`;
      throw error;
    } finally {
      restore();
    }
  }

  /** Puts the changed image among its chain's. */
  place({ chain, victim, id, bytes }: ImageInput): { ids: LayerId[]; bytes: number; restore: () => void } {
    const seeds = this.#chain(chain).images;
    const file = path.join(this.directory, chain, id);
    writeFileSync(file, bytes);
    const former = seeds.find((seed) => seed.id === id);
    const restore = (): void => (former === undefined ? rmSync(file) : writeFileSync(file, former.bytes));
    const total = seeds.reduce((sum, seed) => sum + seed.bytes.length, bytes.length);
    return { ids: seeds.map((seed, index) => (index === victim ? id : seed.id)), bytes: total, restore };
  }

  save({ chain, victim, id, bytes }: ImageInput): { name: string; bytes: Buffer } {
    return { name: `${chain}-${victim}-${id}`, bytes };
  }

  load(name: string, bytes: Buffer): ImageInput {
    const [chain = "", victim, id] = name.split("-");
    return { chain, victim: Number(victim), id: id as LayerId, bytes };
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #chain(name: string): SeedChain {
    const chain = this.#chains.find((each) => each.name === name);
    if (chain === undefined) throw new RangeError(`no seed chain ${name}`);
    return chain;
  }
}

function readChain(folder: string): SeedImage[] {
  const files = readdirSync(folder).sort().reverse();
  return files.map((file) => {
    const bytes = readFileSync(path.join(folder, file));
    return { id: /-([0-9a-f]{64})\./.exec(file)?.[1] as LayerId, bytes, fields: imageFields(bytes) };
  });
}

function mutation(bytes: Buffer, fields: readonly Field[], random: Random): Buffer {
  const { at, width } = random.pick(fields);
  const field = { at, width };
  switch (random.below(16)) {
    case 0:
    case 1:
      return mutateBytes(bytes, random);
    case 2:
    case 3:
      swap(bytes, field, random.pick(fields.filter((other) => other.width === width)));
      return bytes;
    case 4:
      return Buffer.from(bytes.subarray(0, 4096 * random.below(bytes.length / 4096)));
    default:
      writeEdge(bytes, at, width, random);
      return bytes;
  }
}

/** Such as two nids: what each points at is sound. */
function swap(bytes: Buffer, a: Field, b: Field): void {
  if (Math.max(a.at, b.at) + a.width > bytes.length) return;
  const former = Buffer.from(bytes.subarray(a.at, a.at + a.width));
  bytes.copy(bytes, a.at, b.at, b.at + a.width);
  former.copy(bytes, b.at);
}
