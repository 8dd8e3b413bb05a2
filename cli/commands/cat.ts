import { readFileAt } from "../../core/trees/list-tree.js";
import { openSide, parseSide } from "../../core/operations/sides.js";
import { nodeAt } from "../../core/model/paths.js";
import type { ByteString } from "../../core/model/byte-string.js";
import type { Tree } from "../../core/model/tree.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { jsonPath } from "../render/names.js";
import { splitSidePath } from "../revision-words.js";
import type { Terminal } from "../terminal.js";

export const catCommand: Command = command(
  {
    name: "cat",
    form: "REV:PATH",
    summary: "Print a file of a tree",
    description: `Writes the file's bytes to stdout, unchanged. REV is a revision, @ for the tracked directory as it is now, or
@NAME for the container NAME. Symlinks are not followed.`,
    words: [{ name: "REV:PATH", required: true }],
    options: {},
    examples: [
      ["varve cat base:/etc/os-release", "a file of a commit"],
      ["varve cat main~1:/etc/hosts | diff - /etc/hosts", "against a file of this machine"],
    ],
    statuses: [
      ["22", "no such path in that tree"],
      ["23", "the path is no file"],
    ],
  },
  async ({ words: [word = ""], session }) => {
    const repository = await openRepository(session);
    const { side, path } = await splitSidePath(repository, word);
    const tree = await openSide(repository, await parseSide(repository, side));
    try {
      if (session.json) await printAsJson(session.terminal, tree, path);
      else await readFileAt(tree, path, async (chunk) => session.terminal.write(chunk));
    } finally {
      tree.close();
    }
  },
);

/** Base64 goes by three bytes, so what is left of a piece waits for the next one. */
async function printAsJson(terminal: Terminal, tree: Tree, path: ByteString): Promise<void> {
  const node = nodeAt(tree, path);
  const facts =
    node !== undefined && "content" in node
      ? { size: node.entry.size, sha256: node.content.digest() }
      : { size: null, sha256: null };
  let head = `${JSON.stringify({ ...jsonPath("path", path), ...facts }).slice(0, -1)},"contentBase64":"`;
  let left = Buffer.alloc(0);
  await readFileAt(tree, path, async (chunk) => {
    const bytes = Buffer.concat([left, chunk]);
    const whole = bytes.length - (bytes.length % 3);
    terminal.print(head + bytes.toString("base64", 0, whole));
    head = "";
    left = bytes.subarray(whole);
  });
  terminal.print(`${head}${left.toString("base64")}"}\n`);
}
