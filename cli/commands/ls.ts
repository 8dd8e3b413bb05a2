import { listTree, type ListedNode } from "../../core/trees/list-tree.js";
import { openSide, parseSide } from "../../core/operations/sides.js";
import type { ByteString } from "../../core/model/byte-string.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printableName } from "../printable.js";
import { entryJson } from "../render/entry-json.js";
import { longLine } from "../render/entry-text.js";
import { printJsonArray } from "../render/json-array.js";
import { splitSidePath } from "../revision-words.js";

const options = {
  recursive: { type: "boolean", alias: "r", describe: "List all that stands below" },
  long: { type: "boolean", alias: "l", describe: "Show type, mode, owner, size and mtime" },
} as const;

export const lsCommand: Command = command(
  {
    name: "ls",
    form: "REV[:PATH]",
    summary: "List a directory of a tree",
    description: `REV is a revision, @ for the tracked directory as it is now, or @NAME for the container NAME. PATH begins at
the tree's root, with or without a slash. Names that hold control characters, or are no UTF-8, are quoted as C strings.`,
    words: [{ name: "REV[:PATH]", required: true }],
    options,
    examples: [
      ["varve ls -l base:/etc", "a directory of a commit"],
      ["varve ls @web:/var/log", "of a container as it is now"],
      ["varve ls -r --json v1", "everything, for programs, with SHA-256 of each file"],
    ],
    statuses: [["22", "no such path in that tree"]],
  },
  async ({ words: [word = ""], options: { recursive, long }, session }) => {
    const repository = await openRepository(session);
    const { side, path } = await splitSidePath(repository, word);
    const tree = await openSide(repository, await parseSide(repository, side));
    try {
      const nodes = withTurns(listTree(tree, path, { recursive }));
      if (session.json) {
        await printJsonArray(
          session.terminal,
          mapEach(nodes, ({ path: at, node }) => entryJson(at, node)),
        );
        return;
      }
      for await (const { path: at, node } of nodes) {
        const name = nameBelow(path, at);
        session.terminal.print(long ? `${longLine(name, node.entry)}\n` : `${printableName(name)}\n`);
      }
    } finally {
      tree.close();
    }
  },
);

/** Lets Ctrl-C through in a long listing. */
async function* withTurns(nodes: Iterable<ListedNode>): AsyncGenerator<ListedNode> {
  for (const node of nodes) {
    if (isTurnDue()) await yieldToSignals();
    yield node;
  }
}

async function* mapEach<From, To>(items: AsyncIterable<From>, convert: (item: From) => To): AsyncGenerator<To> {
  for await (const item of items) yield convert(item);
}

/** Relative to what is listed; what is no directory shows its own name. */
function nameBelow(listed: ByteString, at: ByteString): ByteString {
  if (listed !== "" && at.startsWith(`${listed}/`)) return at.slice(listed.length + 1) as ByteString;
  return listed === at ? (at.slice(at.lastIndexOf("/") + 1) as ByteString) : at;
}
