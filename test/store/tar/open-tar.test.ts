import { readdirSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { VarveError } from "../../../core/errors.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import { nodeAt } from "../../../core/model/paths.js";
import type { FileNode, Tree } from "../../../core/model/tree.js";
import { exportTar } from "../../../store/tar/export-tar.js";
import { openTar } from "../../../store/tar/open-tar.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { treeContract } from "../../contracts/tree-contract.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { inPieces } from "./import-bytes.js";
import { archive, file } from "./raw-tar.js";

async function opened(t: ExecutionContext, bytes: Buffer, scratch = temporaryDirectory(t)): Promise<Tree> {
  const { tree } = await openTar(inPieces(bytes), '"root.tar"', path.join(scratch, "spool"));
  t.teardown(() => tree.close());
  return tree;
}

async function throughTar(entries: readonly DescribedEntry[], t: ExecutionContext): Promise<Tree> {
  const chunks: Uint8Array[] = [];
  await exportTar(memoryTree(entries), (chunk) => void chunks.push(chunk), { sparse: true });
  return opened(t, Buffer.concat(chunks));
}

treeContract(test, "an opened tar", throughTar, { sockets: false, privileged: false });

function contentAt(tree: Tree, at: string): Buffer {
  const { content } = nodeAt(tree, at as ByteString) as FileNode;
  const reader = content.open();
  const buffer = Buffer.alloc(content.size + 10);
  const length = reader.read(buffer, 0);
  reader.close();
  return buffer.subarray(0, length);
}

test("openTar() reads each content at any position, equal ones and such that were replaced too", async (t) => {
  const long = "0123456789".repeat(300_000);
  const parts = [file("a", long), file("b", "short"), file("c", long), file("b", "now this"), file("d", "last"), file("e")];
  const tree = await opened(t, archive(...parts));
  t.is(contentAt(tree, "a").toString(), long);
  t.is(contentAt(tree, "c").toString(), long);
  t.deepEqual(
    ["b", "d", "e"].map((at) => contentAt(tree, at).toString()),
    ["now this", "last", ""],
  );
  const reader = (nodeAt(tree, "c" as ByteString) as FileNode).content.open();
  const piece = Buffer.alloc(7);
  t.is(reader.read(piece, 2_999_995), 5);
  t.is(piece.toString("utf8", 0, 5), "56789");
  t.is(reader.read(piece, 3_000_000), 0);
  reader.close();
});

test("openTar() leaves nothing behind: not while it is open, not when it fails", async (t) => {
  const scratch = temporaryDirectory(t);
  await opened(t, archive(file("a", "x".repeat(5000))), scratch);
  t.deepEqual(readdirSync(scratch, "utf8"), []);
  await t.throwsAsync(opened(t, archive(file("a", "x"), file("../b")), scratch), {
    instanceOf: VarveError,
    message: /"root\.tar"/,
  });
  t.deepEqual(readdirSync(scratch, "utf8"), []);
});
