import { blobDigest } from "../../core/model/image.js";
import type { Tree } from "../../core/model/tree.js";
import type { ReadLayer } from "../../core/ports/images.js";
import type { LayerWriter } from "../../core/ports/layer-store.js";
import { editedTree, TreeEdits } from "../../core/trees/edited-tree.js";
import { markWithoutTar, publish, tarFile, type BlobLayout } from "../blobs/blob-store.js";
import { TarRecorder } from "../blobs/tar-record.js";
import { scratchPath } from "../scratch.js";
import { systemFailure } from "../system-failure.js";
import { TarImport } from "../tar/import-tar.js";
import { WholeStream } from "../tar/whole-stream.js";
import { OCI_WHITEOUTS } from "./whiteouts.js";

/** Images.readLayer. */
export async function readLayer(
  layout: BlobLayout,
  stream: AsyncIterable<Uint8Array>,
  writer: LayerWriter,
  base: Tree,
  name: string,
): Promise<ReadLayer> {
  const scratch = scratchPath(layout, "tar");
  const recorder = recorderAt(scratch);
  try {
    // The keys of two trees' hardlink groups might be the same: those of an edited tree are paths, as the archive's are.
    const onto = editedTree(base, new TreeEdits());
    const archive = new TarImport(writer, { base, onto, whiteouts: OCI_WHITEOUTS, witness: recorder });
    const whole = new WholeStream(stream);
    await archive.read(whole, name);
    await whole.drain();
    const { tree, warnings } = archive.finish();
    const diffId = blobDigest(recorder.finish());
    const contents = archive.contents();
    const isWhole = [...recorder.digests].every((digest) => contents.has(digest));
    return {
      tree,
      diffId,
      warnings,
      keepTar: () => {
        if (isWhole) publish(scratch, tarFile(layout, diffId));
        else {
          recorder.discard();
          markWithoutTar(layout, diffId);
        }
        return isWhole;
      },
      discard: () => recorder.discard(),
    };
  } catch (error) {
    recorder.discard();
    throw error;
  }
}

function recorderAt(scratch: string): TarRecorder {
  try {
    return new TarRecorder(scratch);
  } catch (error) {
    throw systemFailure("make a scratch file", error, scratch);
  }
}
