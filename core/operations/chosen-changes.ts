import type { Change } from "../model/change.js";
import type { PathSelection } from "../paths/path-selection.js";

export function chosenChanges(changes: readonly Change[], wanted: PathSelection | undefined): readonly Change[] {
  if (wanted === undefined) return changes;
  return changes.filter(({ path, from }) => wanted.has(path) || (from !== undefined && wanted.has(from)));
}
