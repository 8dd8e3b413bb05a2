import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import { hasCode } from "../../linux/errno.js";
import {
  closeDescriptor,
  OPEN_DIRECTORY,
  openAt,
  openWithin,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from "../../linux/open-at.js";

/** Below PATH_MAX, with room for a name. */
const LONGEST_STEP = 3800;

let hasOpenat2 = true;

/**
 * Opens directories below a root by their path, following no symlink, however long the path is. Keeps the last one open,
 * so that a walk opens each directory once.
 */
export class DirectoryOpener {
  readonly root: number;
  readonly #place: ByteString;
  #path: ByteString | undefined;
  #descriptor = -1;

  /**
   * @param root A directory's descriptor, closed by `close`.
   * @param place Where a person finds it: for `placeOf` alone.
   */
  constructor(root: number, place: ByteString = "" as ByteString) {
    this.root = root;
    this.#place = place;
  }

  /** A path below the root, as a person finds it. */
  placeOf(path: ByteString): ByteString {
    if (path === "") return this.#place;
    return this.#place === "/" ? (`/${path}` as ByteString) : joinPath(this.#place, path);
  }

  /** @returns A descriptor that is valid until the next call. @throws SystemCallError ENOENT, ENOTDIR or ELOOP when it is no longer there. */
  open(path: ByteString): number {
    if (path === "") return this.root;
    if (path !== this.#path) {
      const opened = openBeneath(this.root, path);
      this.#forget();
      this.#descriptor = opened;
      this.#path = path;
    }
    return this.#descriptor;
  }

  #forget(): void {
    if (this.#path !== undefined) closeDescriptor(this.#descriptor);
    this.#path = undefined;
  }

  /** May be repeated. */
  close(): void {
    this.#forget();
    if (this.root >= 0) closeDescriptor(this.root);
    (this as { root: number }).root = -1;
  }
}

/** Opens a directory below another. @throws SystemCallError ELOOP or ENOTDIR where a component is a symlink or no directory. */
export function openBeneath(root: number, path: ByteString, flags: number = OPEN_DIRECTORY): number {
  let at = root;
  for (const step of steps(path)) {
    try {
      const next = openStep(at, step, flags);
      if (at !== root) closeDescriptor(at);
      at = next;
    } catch (error) {
      if (at !== root) closeDescriptor(at);
      throw error;
    }
  }
  return at;
}

function openStep(directory: number, step: string, flags: number): number {
  if (!hasOpenat2) return openAt(directory, step, flags);
  try {
    return openWithin(directory, step, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  } catch (error) {
    if (!hasCode(error, "ENOSYS", "EPERM")) throw error;
    hasOpenat2 = false;
    return openBeneath(directory, step as ByteString, flags);
  }
}

/** Pieces that the kernel takes; single names where each must be opened by itself. */
function* steps(path: ByteString): Generator<string> {
  if (hasOpenat2 && path.length <= LONGEST_STEP) {
    yield path;
    return;
  }
  let step = "";
  for (const name of path.split("/")) {
    if (step !== "" && (!hasOpenat2 || step.length + name.length > LONGEST_STEP)) {
      yield step;
      step = "";
    }
    step = step === "" ? name : `${step}/${name}`;
  }
  yield step;
}
