import type { Collection } from "../../core/maintenance/collect-garbage.js";
import { counted, readableBytes } from "./quantities.js";

/** What `gc --json` prints: docs/json.md, "gc". */
export function collectionJson(collection: Collection, dryRun: boolean): Record<string, unknown> {
  const { layers, views, blobs, quarantined, saved, cached, commits, gitObjects, bytes, kept } = collection;
  return { dryRun, bytes, layers, views, blobs, quarantined, saved, cached, commits, gitObjects, kept };
}

/** What `gc` tells a person. With --dry-run also each layer. */
export function collectionText(collection: Collection, dryRun: boolean): string {
  const { layers, views, blobs, quarantined, saved, cached, commits, bytes, kept } = collection;
  const rows = dryRun ? layers.map((layer) => `layer ${layer.id}  ${readableBytes(layer.bytes)}\n`) : [];
  const parts = [
    ...(layers.length > 0 ? [counted(layers.length, "layer")] : []),
    ...(commits.length > 0 ? [counted(commits.length, "commit")] : []),
    ...(saved.length > 0 ? [counted(saved.length, "saved tree")] : []),
    ...(cached.length > 0 ? [counted(cached.length, "cached run")] : []),
    ...(views.length > 0 ? [counted(views.length, "view")] : []),
    ...(blobs.length > 0 ? [counted(blobs.length, "blob")] : []),
    ...(quarantined.length > 0 ? [counted(quarantined.length, "quarantined image")] : []),
  ];
  const verb = dryRun ? "Would remove" : "Removed";
  const what = parts.length === 0 ? `${verb} nothing.` : `${verb} ${parts.join(", ")}: ${readableBytes(bytes)}.`;
  const rest = `${counted(kept.layers, "layer")} of ${counted(kept.commits, "commit")} ${kept.layers === 1 ? "stays" : "stay"}: ${readableBytes(kept.bytes)}.`;
  return `${rows.join("")}${what}\n${rest}\n`;
}
