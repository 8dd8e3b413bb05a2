import { VarveError } from "../errors.js";
import type { NameUpdate, TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";

/**
 * @param names Their `after` is what is wanted.
 * @param going Ids of containers that are removed with it.
 * @throws VarveError NAME_TAKEN when a container that keeps its name has one of them.
 */
export function requireNamesFree(
  { containers }: Pick<Repository, "containers">,
  names: readonly NameUpdate[],
  going: ReadonlySet<string> = new Set(),
): void {
  if (names.length === 0) return;
  const others = new Map(containers.list().map(({ record: { id, name } }) => [id, name]));
  const renamed = names.filter(({ container }) => others.delete(container));
  for (const id of going) others.delete(id);
  const taken = new Map([...others].map(([id, name]) => [name, id]));
  for (const { after } of renamed) {
    const holder = taken.get(after);
    if (holder === undefined) continue;
    throw new VarveError("NAME_TAKEN", `Cannot name a container "${after}": container ${holder} has that name`, {
      hint: `Choose another name, or rename that one: varve rename ${after} NAME`,
    });
  }
}

/** Containers that an effect made: taking it back removes them. */
export function madeBy(trees: readonly TreeUpdate[]): ReadonlySet<string> {
  return new Set(trees.flatMap(({ target, before }) => (target.kind === "container" && before === undefined ? [target.id] : [])));
}
