import { closeSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { atOnce } from "../core/turns.js";
import { LayerImages } from "../store/erofs/layer-images.js";
import { rewriteImage } from "../store/erofs/rewrite-image.js";
let n = 0, bad = 0, blocksDiffer = 0;
let scratch = 0;
for (const folder of process.argv.slice(2)) {
  const images = new LayerImages(folder);
  for (const id of readdirSync(folder)) {
    if (!/^[0-9a-f]{64}$/.test(id)) continue;
    const out = `/tmp/rw-${process.pid}`;
    const fd = openSync(out, "w+");
    try {
      atOnce(rewriteImage(images.get(id as never), fd, { scratch: () => `/tmp/rw-s-${process.pid}-${scratch++}`, mostContentBytes: Infinity }));
      n++;
      const a = statSync(path.join(folder, id)), b = statSync(out);
      if (a.size !== b.size) { bad++; console.log("size", id); }
      if (a.blocks !== b.blocks) { blocksDiffer++; if (blocksDiffer < 10) console.log("blocks", id, a.blocks, b.blocks); }
    } catch (e) { bad++; console.log(folder, id, (e as Error).message, (e as {path?: string}).path); if (process.env["DEBUG"]) console.log((e as Error).stack); }
    closeSync(fd);
    rmSync(out);
  }
  images.close();
}
console.log({ n, bad, blocksDiffer });
