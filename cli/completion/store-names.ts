import { openSide, parseSide } from "../../core/operations/sides.js";
import { normalizePath, nodeAt } from "../../core/model/paths.js";
import type { Repository } from "../../core/ports/repository.js";
import { openRepository, openVolumes } from "../open-repository.js";
import { printableLine } from "../printable.js";
import { bytesOfWord, wordOfBytes } from "../process-arguments.js";
import { refText } from "../render/names.js";
import { openTerminal, quietTerminal } from "../terminal.js";
import { beginningWith, NOTHING, type Candidate, type Completion } from "./complete-words.js";
import type { WordKind } from "./word-kinds.js";

/** Nobody chooses among more, and a directory may hold 100,000. */
const MOST_NAMES = 1000;
const MOST_OPERATIONS = 50;

/** Names of the store that the command line means, of that kind. Nothing where there is no store, or it can't be read. */
export async function findStoreNames(kind: WordKind, current: string, store: string | undefined): Promise<Completion> {
  const files = kind === "target" ? "directories" : "none";
  try {
    const terminal = quietTerminal(openTerminal({ environment: {}, isTerminal: () => false }));
    const repository = await openRepository({ terminal, json: false, store, typed: "", opened: [], takeBack: [] });
    if (kind === "tree-path" && current.includes(":")) return await pathsWithin(repository, current);
    const candidates = beginningWith(current, await namesOf(repository, kind));
    return { candidates: candidates.slice(0, MOST_NAMES), files, isOpen: kind === "tree-path" };
  } catch {
    return { ...NOTHING, files };
  }
}

async function namesOf(repository: Repository, kind: WordKind): Promise<readonly Candidate[]> {
  const containers = (): readonly Candidate[] =>
    repository.containers.list().map(({ record, state }) => ({ value: record.name, description: `container, ${state}` }));
  switch (kind) {
    case "container":
    case "target":
      return containers();
    case "volume":
      return (await openVolumes(repository)).list().map(({ name }) => ({ value: name, description: "volume" }));
    case "operation":
      return operationIds(repository);
    case "branch":
      return refsOf(repository, "refs/heads/", "branch");
    case "tag":
      return refsOf(repository, "refs/tags/", "tag");
    case "side":
    case "tree-path": {
      const live = repository.worktree === undefined ? [] : [{ value: "@", description: "the directory as it is now" }];
      const states = containers().map(({ value }) => ({ value: `@${value}`, description: "the container as it is now" }));
      return [...(await revisions(repository)), ...live, ...states];
    }
    default:
      return revisions(repository);
  }
}

/** The newest: nobody picks an old one by its id alone. */
async function operationIds({ operations }: Repository): Promise<readonly Candidate[]> {
  const found: Candidate[] = [];
  for await (const { id, command } of operations.list()) {
    if (found.push({ value: id, description: printableLine(command) }) === MOST_OPERATIONS) break;
  }
  return found;
}

async function revisions(repository: Repository): Promise<readonly Candidate[]> {
  const [branches, tags] = [await refsOf(repository, "refs/heads/", "branch"), await refsOf(repository, "refs/tags/", "tag")];
  const images = await refsOf(repository, "refs/images/", "image");
  return [{ value: "HEAD", description: "the last commit" }, ...branches, ...tags, ...images];
}

async function refsOf({ history }: Repository, prefix: string, description: string): Promise<readonly Candidate[]> {
  return (await history.listRefs(prefix)).map(({ name }) => ({ value: refText(name), description }));
}

/** What stands in the directory that has been typed so far. */
async function pathsWithin(repository: Repository, current: string): Promise<Completion> {
  const colon = current.indexOf(":");
  const [side, typed] = [current.slice(0, colon), current.slice(colon + 1)];
  const folder = typed.slice(0, typed.lastIndexOf("/") + 1);
  const tree = await openSide(repository, await parseSide(repository, side));
  try {
    const node = nodeAt(tree, normalizePath(bytesOfWord(folder)));
    const candidates: Candidate[] = [];
    for (const [name, child] of node !== undefined && "children" in node ? node.children() : []) {
      const isDirectory = child.entry.type === "directory";
      const value = `${side}:${folder}${wordOfBytes(name)}${isDirectory ? "/" : ""}`;
      if (value.startsWith(current)) candidates.push({ value, description: child.entry.type });
      if (candidates.length === MOST_NAMES) break;
    }
    return { candidates, files: "none", isOpen: candidates.length === 1 && candidates[0]?.description === "directory" };
  } finally {
    tree.close();
  }
}
