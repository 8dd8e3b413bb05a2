// Mounts changed images that our reader accepts wholly, and compares what the kernel reads with what our reader read.
// To be run in a mount namespace of its own: unshare --mount node build/test/fuzz/kernel-sample.js [COUNT] [SEED]
// Prints one JSON object: images tried, mounted, refused by mount(2) with which errno, and differences.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { bufferOf, joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { LayerId } from "../../core/model/ids.js";
import type { FileContent, TreeNode } from "../../core/model/tree.js";
import { MNT_DETACH, mount, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, unmount } from "../../linux/mount.js";
import { ChainTree } from "../../store/erofs/chain-tree.js";
import { LayerImages } from "../../store/erofs/layer-images.js";
import { ImageTarget } from "./image-target.js";
import { Random } from "./random.js";
import { walkEverything } from "./walk-everything.js";

const MOST_BYTES = 1 << 20;
const MILLISECONDS = 20_000;
/** Path, type, permissions, owners, links' target, and size where it means something; time apart from its fraction's zeros. */
const FORMAT = "%P\\t%y\\t%m\\t%U\\t%G\\t%l\\t%s\\0";

interface Sample {
  tried: number;
  mounted: number;
  refused: Record<string, number>;
  differences: string[];
}

const [count = 20, seed = 1] = process.argv.slice(2).map(Number);
const target = new ImageTarget(tmpdir());
const place = mkdtempSync(path.join(tmpdir(), "varve-kernel-sample-"));
try {
  process.stdout.write(`${JSON.stringify(sample(count, seed), undefined, 2)}\n`);
} finally {
  rmSync(place, { recursive: true });
  target.dispose();
}

function sample(wanted: number, from: number): Sample {
  const result: Sample = { tried: 0, mounted: 0, refused: {}, differences: [] };
  for (let execution = 0; result.tried < wanted; execution += 1) {
    const input = target.mutate(new Random(from, execution));
    const { ids, restore } = target.place(input);
    try {
      if (!isAccepted(path.join(target.directory, input.chain), ids[input.victim]!)) continue;
      result.tried += 1;
      tryImage(path.join(target.directory, input.chain), ids[input.victim]!, `execution ${execution}`, result);
    } finally {
      restore();
    }
  }
  return result;
}

/** The image alone, without the layers that would hide or be hidden. */
function isAccepted(directory: string, id: LayerId): boolean {
  const images = new LayerImages(directory);
  try {
    return walkEverything(new ChainTree(images, [id]), 1 << 24) === "read";
  } catch (error) {
    if (error instanceof VarveError) return false;
    throw error;
  } finally {
    images.close();
  }
}

function tryImage(directory: string, id: LayerId, name: string, result: Sample): void {
  const images = new LayerImages(directory);
  const { devices } = images.get(id);
  const data = devices.map((device) => `device=${directory}/${device}`).join(",");
  try {
    mount({
      source: path.join(directory, id),
      target: place,
      type: "erofs",
      flags: MS_RDONLY | MS_NODEV | MS_NOEXEC | MS_NOSUID,
      data,
    });
  } catch (error) {
    images.close();
    const code = (error as { code?: string }).code ?? String(error);
    result.refused[code] = (result.refused[code] ?? 0) + 1;
    result.differences.push(`${name}: mount(2) refuses it: ${code}`);
    return;
  }
  try {
    result.mounted += 1;
    const tree = new ChainTree(images, [id]);
    const difference = compare([...lines("" as ByteString, tree.root)].sort(), kernelLines());
    if (difference !== undefined) result.differences.push(`${name}: ${difference}`);
    tree.close();
  } finally {
    unmount(place, MNT_DETACH);
  }
}

/** What our reader says, in the form of `kernelLines`. */
function* lines(at: ByteString, node: TreeNode): Generator<string> {
  const { entry } = node;
  const type = { file: "f", directory: "d", symlink: "l", fifo: "p", socket: "s", character: "c", block: "b" }[entry.type];
  const size = entry.type === "file" ? entry.size : entry.type === "symlink" ? entry.target.length : "";
  yield [at, type, entry.mode.toString(8), entry.uid, entry.gid, entry.type === "symlink" ? entry.target : "", size].join("\t");
  if ("content" in node && node.content.size <= MOST_BYTES) yield `${at} ${sha256(node.content)}`;
  if ("children" in node) for (const [name, child] of node.children()) yield* lines(joinPath(at, name), child);
}

function sha256(content: FileContent): string {
  const hash = createHash("sha256");
  const reader = content.open();
  const buffer = Buffer.alloc(65_536);
  for (let position = 0; position < content.size;) {
    const read = reader.read(buffer, position);
    hash.update(buffer.subarray(0, read));
    position += read;
  }
  return hash.digest("hex");
}

/** By find(1) and sha256sum(1). A whiteout is no entry of ours. */
function kernelLines(): string[] | string {
  const options = { cwd: place, timeout: MILLISECONDS, killSignal: "SIGKILL", maxBuffer: 1 << 28 } as const;
  const found = spawnSync("find", [".", "-printf", FORMAT], options);
  if (found.status !== 0) return `find: ${found.stderr.toString()} ${found.signal}`;
  const rows = found.stdout
    .toString("latin1")
    .split("\0")
    .slice(0, -1)
    .map((row) => row.split("\t"));
  const devices = spawnSync("find", [".", "-type", "c", "-exec", "stat", "--printf", "%t:%T %n\\0", "{}", "+"], options);
  const whiteouts = new Set(
    devices.stdout
      .toString("latin1")
      .split("\0")
      .filter((line) => line.startsWith("0:0 "))
      .map((line) => line.slice(6)),
  );
  const files = rows.filter(([, type, , , , , size]) => type === "f" && Number(size) <= MOST_BYTES).map(([name]) => `./${name}`);
  const sums = spawnSync("xargs", ["-0", "-r", "sha256sum", "-z"], {
    ...options,
    input: bufferOf(files.join("\0") as ByteString),
  });
  if (sums.status !== 0) return `sha256sum: ${sums.stderr.toString()} ${sums.signal}`;
  const contents = sums.stdout
    .toString("latin1")
    .split("\0")
    .filter(Boolean)
    .map((line) => `${line.slice(68)} ${line.slice(0, 64)}`);
  const listed = rows
    .filter(([name = ""]) => !whiteouts.has(name))
    .map((row) => (row[1] === "f" || row[1] === "l" ? row : [...row.slice(0, 6), ""]).join("\t"));
  return [...listed, ...contents].sort();
}

function compare(ours: readonly string[], kernels: readonly string[] | string): string | undefined {
  if (typeof kernels === "string") return kernels;
  const missing = kernels.filter((line) => !ours.includes(line)).slice(0, 3);
  const extra = ours.filter((line) => !kernels.includes(line)).slice(0, 3);
  if (missing.length + extra.length === 0) return undefined;
  return `the kernel has ${JSON.stringify(missing)}, we have ${JSON.stringify(extra)}`;
}
