// A process of its own, run by decompress.test.ts: decompresses hostile gzip data and prints how it ended and what memory it took. Beside
// other tests of one process, their memory would be counted too.
import { spawnSync } from "node:child_process";
import { gzipSync } from "node:zlib";
import { VarveError } from "../../../core/errors.js";
import { decompressed } from "../../../store/tar/decompress.js";

/** `output` and `grown` in bytes: what was decompressed, and the most memory at once above that of the start. */
export interface Ending {
  readonly code: string;
  readonly message: string;
  readonly output: number;
  readonly grown: number;
}

const LIMIT = { freeBytes: 256 * 2 ** 20, maximumRatio: 200 };

/** One buffer sent again and again: what grows is the reader's own. */
async function* repeated(head: Uint8Array, part: Uint8Array, times: number): AsyncIterable<Uint8Array> {
  yield head;
  for (let sent = 0; sent < times; sent += 1) yield await Promise.resolve(part);
}

const HOSTILE: Record<string, () => AsyncIterable<Uint8Array>> = {
  // A header whose name has no end, 1 GiB of it.
  name: () => repeated(Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]), Buffer.alloc(65_536, "n"), 16_384),
  // Members of zeros one after another, 1.25 GiB of them.
  bomb: () => repeated(Buffer.alloc(0), gzipSync(Buffer.alloc(64 * 2 ** 20)), 20),
  // A block of 46 MB each.
  zeros: () => repeated(Buffer.alloc(0), spawnSync("bzip2", ["-c"], { input: Buffer.alloc(64 * 2 ** 20) }).stdout, 20),
};

const source = HOSTILE[process.argv[2] ?? ""]?.() ?? repeated(Buffer.alloc(0), Buffer.alloc(0), 0);
const before = process.memoryUsage.rss();
let output = 0;
let fault: unknown;
try {
  for await (const chunk of decompressed(source, LIMIT)) output += chunk.length;
} catch (error) {
  fault = error;
}
const { code, message } = fault instanceof VarveError ? fault : { code: "none", message: String(fault) };
// maxRSS is in KiB, and no less than the rss of any moment.
const grown = process.resourceUsage().maxRSS * 1024 - before;
process.stdout.write(JSON.stringify({ code, message, output, grown } satisfies Ending));
