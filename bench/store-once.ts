// What changes cost in bytes and time: node build/bench/store-once.js [FOLDER]. Needs 3 GB there.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import type { LayerId } from "../core/model/ids.js";
import { writeLayer } from "../core/layers/write-layer.js";
import type { LayerStore } from "../core/ports/layer-store.js";
import { openDirectoryTree } from "../store/directory/directory-tree.js";
import { openLayerStore } from "../store/layers/layer-store.js";
import { storeLayout } from "../store/store-layout.js";

/** Shell commands in the directory, each then committed. */
const CHANGES: readonly (readonly [name: string, command: string])[] = [
  ["200 MB file", "head -c 200000000 /dev/urandom > big"],
  ["chmod of it", "chmod 600 big"],
  ["one byte in its middle", "printf X | dd of=big bs=1 seek=100000000 conv=notrunc status=none"],
  ["rewritten but equal", "cat big > other && mv other big && chmod 600 big && touch -d @7 big"],
  ["cp of it", "cp big copy"],
  ["1 GiB file", "head -c 1073741824 /dev/urandom > huge"],
  ["1 MiB appended to it", "head -c 1048576 /dev/urandom >> huge"],
  ["mv of it", "mkdir -p d && mv huge d/huge"],
  ["/usr/share", "rm -r d copy && cp -a /usr/share share"],
  ["chown -R of /usr/share", "chown -R 7:7 share"],
  ["rollback of the chown, committed", "chown -R 0:0 share"],
];

async function commit(store: LayerStore, chain: readonly LayerId[], directory: string): Promise<LayerId> {
  const [base, target] = [store.openTree(chain), openDirectoryTree(directory)];
  const writer = store.write(chain);
  try {
    await writeLayer(writer, base, target);
    return writer.publish().id;
  } finally {
    writer.abort();
    for (const tree of [base, target]) tree.close();
  }
}

const folder = mkdtempSync(path.join(process.argv[2] ?? tmpdir(), "varve-once-"));
try {
  const layout = storeLayout(path.join(folder, "store"));
  for (const made of [layout.layers, layout.scratch]) mkdirSync(made, { recursive: true });
  const directory = path.join(folder, "directory");
  mkdirSync(directory);
  const store = openLayerStore(layout);
  let chain: LayerId[] = [];
  for (const [name, command] of CHANGES) {
    execFileSync("bash", ["-euc", command], { cwd: directory });
    const start = performance.now();
    chain = [await commit(store, chain, directory), ...chain];
    const time = performance.now() - start;
    const bytes = store.storedBytes(chain[0] as LayerId);
    process.stdout.write(`${name}\t${bytes} bytes\t${time.toFixed(0)} ms\n`);
  }
  const files = execFileSync("sh", ["-c", "find share | wc -l"], { cwd: directory, encoding: "latin1" });
  process.stdout.write(`entries of /usr/share\t${files.trim()}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
