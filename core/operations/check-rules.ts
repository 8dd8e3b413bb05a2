import { VarveError } from "../errors.js";
import type { ByteString } from "../model/byte-string.js";
import { hasRisk, RISKS, type Risk } from "../model/file-risks.js";
import type { FileNode, Tree, TreeNode } from "../model/tree.js";
import type { Repository } from "../ports/repository.js";
import type { UsageMeter } from "../ports/usage-meter.js";
import { layerChain } from "../layers/layer-chain.js";
import { wasteOf } from "../maintenance/measure-usage.js";
import { compareTrees } from "../trees/compare-trees.js";
import { listTree } from "../trees/list-tree.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import { openSide, type Side } from "./sides.js";
import { headOf } from "./targets.js";

export interface Rules {
  /** Bytes of new files and of files with another content: holes left out, an inode of several names once. */
  readonly maxAddedBytes?: number | undefined;
  /** Share of the contents in a commit's chain that its tree does not show, as `du` measures it: 0 to 1. */
  readonly maxWaste?: number | undefined;
  /** Bytes of all files in the tree. */
  readonly maxSizeBytes?: number | undefined;
  /** Paths in the tree. */
  readonly maxPaths?: number | undefined;
  readonly forbidden: readonly Risk[];
}

export interface CheckOptions {
  readonly side: Side;
  /** What changes are against: by default the commit's first parent, or a live tree's HEAD. */
  readonly against?: Side | undefined;
  /** Rules on single paths look at the whole tree, not at what changed. */
  readonly all: boolean;
  readonly rules: Rules;
}

export interface OffendingPath {
  readonly path: ByteString;
  readonly mode: number;
  /** Of a file's data. */
  readonly bytes: number | undefined;
}

/** What one rule found. */
export interface RuleResult {
  readonly rule: Risk | "max-added" | "max-waste" | "max-size" | "max-paths";
  readonly holds: boolean;
  /** Bytes, paths or a share; of what is forbidden, the number of paths. */
  readonly found: number;
  readonly limit: number;
  /** In byte order of path, or for sizes the largest first. */
  readonly paths: readonly OffendingPath[];
}

export interface CheckResult {
  readonly results: readonly RuleResult[];
  /** Paths that rules on single paths looked at. */
  readonly looked: number;
}

/** @throws VarveError WRONG_TYPE for waste of a live tree, which has no layer yet. */
export async function checkRules(repository: Repository, meter: UsageMeter, options: CheckOptions): Promise<CheckResult> {
  const { side, rules, all } = options;
  const waste = rules.maxWaste === undefined ? [] : [await checkWaste(repository, meter, side, rules.maxWaste)];
  const tree = await openSide(repository, side);
  const base = await openSide(repository, options.against ?? (await formerOf(repository, side)));
  try {
    const changed = all && rules.maxAddedBytes === undefined ? [] : await changedNodes(base, tree);
    const looked = all ? await everyNode(tree) : changed;
    const whole = rules.maxSizeBytes === undefined && rules.maxPaths === undefined ? [] : all ? looked : await everyNode(tree);
    const results = [
      ...(rules.maxAddedBytes === undefined
        ? []
        : [await checkBytes("max-added", changed.filter(isNewContent), rules.maxAddedBytes)]),
      ...waste,
      ...(rules.maxSizeBytes === undefined ? [] : [await checkBytes("max-size", whole, rules.maxSizeBytes)]),
      ...(rules.maxPaths === undefined ? [] : [checkCount(whole.length, rules.maxPaths)]),
      ...RISKS.filter((risk) => rules.forbidden.includes(risk)).map((risk) => checkRisk(risk, looked)),
    ];
    return { results, looked: looked.length };
  } finally {
    for (const each of [base, tree]) each.close();
  }
}

async function formerOf(repository: Repository, side: Side): Promise<Side> {
  if (side.kind === "live") return { kind: "commit", commit: (await headOf(repository, side.target)).commit };
  if (side.commit === undefined) return side;
  return { kind: "commit", commit: (await repository.history.readCommit(side.commit)).parents[0] };
}

interface LookedNode {
  readonly path: ByteString;
  readonly node: TreeNode;
  /** Of a change: whether the content is another, or new. */
  readonly isNew: boolean;
}

async function changedNodes(base: Tree, tree: Tree): Promise<readonly LookedNode[]> {
  return (await compareTrees(base, tree)).flatMap(({ path, after, status, reasons }) =>
    after === undefined ? [] : [{ path, node: after, isNew: status === "A" || status === "T" || reasons.includes("content") }],
  );
}

function isNewContent({ isNew }: LookedNode): boolean {
  return isNew;
}

async function everyNode(tree: Tree): Promise<readonly LookedNode[]> {
  const nodes: LookedNode[] = [{ path: "" as ByteString, node: tree.root, isNew: false }];
  for (const { path, node } of listTree(tree, "" as ByteString, { recursive: true })) {
    if (isTurnDue()) await yieldToSignals();
    nodes.push({ path, node, isNew: false });
  }
  return nodes;
}

function checkRisk(risk: Risk, nodes: readonly LookedNode[]): RuleResult {
  const paths = nodes.filter(({ node }) => hasRisk(node.entry, risk)).map(({ path, node }) => offending(path, node, undefined));
  return { rule: risk, holds: paths.length === 0, found: paths.length, limit: 0, paths };
}

function checkCount(found: number, limit: number): RuleResult {
  return { rule: "max-paths", holds: found <= limit, found, limit, paths: [] };
}

async function checkBytes(rule: "max-added" | "max-size", nodes: readonly LookedNode[], limit: number): Promise<RuleResult> {
  const paths: OffendingPath[] = [];
  const groups = new Set<string>();
  let found = 0;
  for (const { path, node } of nodes) {
    if (isTurnDue()) await yieldToSignals();
    if (!("content" in node) || (node.links !== undefined && groups.has(node.links.key))) continue;
    if (node.links !== undefined) groups.add(node.links.key);
    const bytes = dataBytes(node);
    found += bytes;
    if (bytes > 0) paths.push(offending(path, node, bytes));
  }
  const holds = found <= limit;
  return { rule, holds, found, limit, paths: holds ? [] : paths.sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0)) };
}

/** Below this size a hole is not worth a look at the file. */
const MAY_BE_SPARSE_BYTES = 64 * 1024;

function dataBytes({ entry: { size }, content }: FileNode): number {
  if (size < MAY_BE_SPARSE_BYTES) return size;
  let bytes = 0;
  for (const { kind, length } of content.extents()) if (kind === "data") bytes += length;
  return bytes;
}

function offending(path: ByteString, { entry: { mode } }: TreeNode, bytes: number | undefined): OffendingPath {
  return { path, mode, bytes };
}

async function checkWaste(repository: Repository, meter: UsageMeter, side: Side, limit: number): Promise<RuleResult> {
  if (side.kind === "live" || side.commit === undefined) {
    throw new VarveError("WRONG_TYPE", "Cannot measure the waste of a live tree: it has no layer yet, wanted a commit", {
      hint: "Commit it first, or leave out --max-waste.",
    });
  }
  const { own, wasted } = await wasteOf(meter, await layerChain(repository.history, side.commit));
  const found = own === 0 ? 0 : wasted / own;
  return { rule: "max-waste", holds: found <= limit, found, limit, paths: [] };
}
