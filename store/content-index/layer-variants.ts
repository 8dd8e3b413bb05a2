import { mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { parseLayerId, type LayerId } from "../../core/model/ids.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";

type VariantLayout = Pick<StoreLayout, "variants" | "scratch">;

/**
 * Layers that borrow from others than their chain's, by the id that they would have if they did not: so that the same tree, imported again, is
 * found to be there. Derived, and free to be deleted: a symlink `views/variants/<canonical id>` to the layer's id.
 */
export function findVariant({ variants }: VariantLayout, canonical: LayerId): LayerId | undefined {
  try {
    return parseLayerId(readlinkSync(path.join(variants, canonical)));
  } catch {
    return undefined;
  }
}

/** Failures leave it unknown. */
export function rememberVariant(layout: VariantLayout, canonical: LayerId, variant: LayerId): void {
  try {
    mkdirSync(layout.variants, { recursive: true, mode: 0o700 });
    const scratch = scratchPath(layout, "variant");
    symlinkSync(variant, scratch);
    renameSync(scratch, path.join(layout.variants, canonical));
  } catch {
    // A cache: without it the layer's metadata may be stored twice.
  }
}

/** Forgets those that are gone. */
export function forgetVariants({ variants, scratch }: VariantLayout, gone: ReadonlySet<LayerId>): void {
  for (const name of namesIn(variants)) {
    const variant = findVariant({ variants, scratch }, name as LayerId);
    if (variant === undefined || gone.has(variant)) rmSync(path.join(variants, name), { recursive: true, force: true });
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory, "latin1");
  } catch {
    return [];
  }
}
