import { VarveError } from "../errors.js";
import type { ByteString } from "../model/byte-string.js";
import { type Change, isEcho } from "../model/change.js";
import { treePathText } from "../model/paths.js";
import type { PathSelection } from "../paths/path-selection.js";
import type { MachineBound, MachineFiles, Places, SkippedPath } from "../ports/machine-files.js";
import type { MachineTrial } from "../ports/machine-root.js";
import { chosenChanges } from "./chosen-changes.js";

/** What of the changes of a try can be applied to this machine. */
export class ApplicableChanges {
  readonly #machine: MachineFiles;
  readonly #trial: MachineTrial;
  readonly #changes: readonly Change[];

  constructor(machine: MachineFiles, trial: MachineTrial, changes: readonly Change[]) {
    this.#machine = machine;
    this.#trial = trial;
    this.#changes = changes;
  }

  /** Of the selected changes: the paths to be written, how many changes that are, and what is out of bounds. */
  chosen(selection: PathSelection | undefined): {
    readonly places: Places;
    readonly changes: number;
    readonly skipped: readonly SkippedPath[];
  } {
    const bounds = this.#machine.bounds();
    const places = new Set<ByteString>();
    const skipped: SkippedPath[] = [];
    let changes = 0;
    for (const change of chosenChanges(this.#changes, selection)) {
      const inside = (change.from === undefined ? [change.path] : [change.path, change.from]).filter((path) => {
        const bound = boundOf(path, bounds);
        if (bound !== undefined && !(path === "" && isEcho(change.reasons, true))) skipped.push({ path, bound });
        return bound === undefined;
      });
      for (const path of inside) places.add(path);
      if (inside.length > 0) changes += 1;
    }
    return { places, changes, skipped };
  }

  /** @throws VarveError CONFLICT when somebody has changed one of the paths since the command began. */
  readonly require = (selection?: PathSelection): void => {
    const { places } = this.chosen(selection);
    const changed = [...new Set([...this.#machine.changedSince(places, this.#trial.began), ...this.#vanished(places)])].sort();
    const [first, ...others] = changed;
    if (first === undefined) return;
    const more = others.length === 0 ? "" : `, and ${others.length} more of the paths`;
    throw new VarveError(
      "CONFLICT",
      `Cannot apply changes to this machine: "${treePathText(first)}"${more} changed on it since the command began`,
      {
        path: treePathText(first),
        hint: "Try the command again, over what stands there now; or --pick other paths; or keep the changes on a branch (--keep -b BRANCH).",
      },
    );
  };

  /** What the command changed, and is not there any more, looks new. So does what it moved there; but for that nobody else changes the directory. */
  #vanished(places: Places): readonly ByteString[] {
    const { began, isCopied } = this.#trial;
    const added = this.#changes.filter(({ path, status }) => status === "A" && places.has(path) && isCopied(path));
    return added.map(({ path }) => path).filter((path) => this.#machine.hasNamesChangedSince(path, began));
  }
}

/** The root's own mode and owner are nothing that a command should change by the way. */
const ROOT: MachineBound = { place: "" as ByteString, reason: "is the root directory itself" };

function boundOf(path: ByteString, bounds: readonly MachineBound[]): MachineBound | undefined {
  return path === "" ? ROOT : bounds.find(({ place }) => path === place || path.startsWith(`${place}/`));
}
