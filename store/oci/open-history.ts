import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";
import type { BlobDigest, BlobRecord } from "../../core/model/image.js";
import type { HistoryBlob, HistoryLayer, OpenedHistory } from "../../core/ports/histories.js";
import { GitObjects } from "../git/git-objects.js";
import { decodeHistory, type HistoryObjects } from "../git/history-objects.js";
import type { StoreLayout } from "../store-layout.js";
import { decodeManifest, type HistoryPart } from "./history-manifest.js";

/** Where the blobs of a history are. */
export interface HistorySource {
  /** Size and digest are checked at the end. @param what For messages: "its git objects". */
  open(record: BlobRecord, what: string): AsyncIterable<Uint8Array>;
  /** @param state Text that follows "Cannot read the history: ". */
  fault(state: string): VarveError;
}

/**
 * @param digest Of the manifest. @param value The manifest. @throws VarveError SOURCE_INVALID.
 */
export async function openHistory(
  layout: StoreLayout,
  source: HistorySource,
  digest: BlobDigest,
  value: unknown,
): Promise<OpenedHistory> {
  const parts = checked(source, "its manifest", () => decodeManifest(value));
  const [first] = parts as readonly [HistoryPart];
  const pieces: Uint8Array[] = [];
  for await (const piece of source.open(first.record, "its git objects")) pieces.push(Uint8Array.from(piece));
  const history = checked(source, "its git bundle", () => decodeHistory(Buffer.concat(pieces)));
  const blobs = parts.map((part) => ({ part, blob: blobOf(source, part) }));
  const layers = new Map<LayerId, HistoryLayer>();
  const documents = new Map<BlobDigest, HistoryBlob>();
  const tars = new Map<BlobDigest, HistoryBlob>();
  for (const { part, blob } of blobs) {
    if (part.kind === "layer") layers.set(part.id, { ...blob, id: part.id, imageBytes: part.imageBytes });
    else if (part.kind === "document") documents.set(part.record.digest, blob);
    else if (part.kind === "tar") tars.set(part.diffId, blob);
  }
  return {
    digest,
    ...refsOf(history),
    layers,
    documents,
    tars,
    blobs: blobs.map(({ blob }) => blob),
    writeObjects: objectWriter(layout, history.objects),
  };
}

function objectWriter(layout: StoreLayout, objects: HistoryObjects["objects"]): OpenedHistory["writeObjects"] {
  const entries = [...objects];
  let at = 0;
  return async (before) => {
    const start = at;
    while (at < entries.length && entries[at]?.[0] !== before) at += 1;
    if (at > start) new GitObjects(layout).keep(new Map(entries.slice(start, at)));
  };
}

function refsOf({ refs, prerequisites, commits }: HistoryObjects): Pick<OpenedHistory, "refs" | "prerequisites" | "commits"> {
  return { refs, prerequisites, commits };
}

function blobOf(source: HistorySource, part: HistoryPart): HistoryBlob {
  const name = nameOf(part);
  return { record: part.record, name, open: () => source.open(part.record, name) };
}

function nameOf(part: HistoryPart): string {
  if (part.kind === "layer") return `its layer ${part.id.slice(0, 12)}`;
  if (part.kind === "tar") return `its record of the tar ${part.diffId.slice(7, 19)}`;
  return part.kind === "objects" ? "its git objects" : `its image document ${part.record.digest.slice(7, 19)}`;
}

function checked<T>(source: HistorySource, what: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof SyntaxError) throw source.fault(`${what} ${error.message}`);
    throw error;
  }
}

export function historyFault(state: string, path?: string): VarveError {
  return new VarveError("SOURCE_INVALID", `Cannot read the history: ${state}`, {
    ...(path !== undefined && { path }),
    hint: "It is damaged or was made to do harm. Make it again, or take it from its source again.",
  });
}
