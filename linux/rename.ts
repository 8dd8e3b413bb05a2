import { checked } from "./errno.js";
import { declare } from "./native-library.js";
import { nativePath, secondNativePath } from "./native-path.js";

const renameat2 = declare("int renameat2(int fromDirectory, const void *from, int toDirectory, const void *to, uint32_t flags)");

/** Fails with EEXIST when the new name is taken. */
export const RENAME_NOREPLACE = 1;
/** Swaps the two. */
export const RENAME_EXCHANGE = 2;

/** Names are bytes in latin1. @param flags RENAME_NOREPLACE, RENAME_EXCHANGE or 0: what stands at the new name is replaced. */
export function renameAt(fromDirectory: number, from: string, toDirectory: number, to: string, flags = 0): void {
  checked(renameat2(fromDirectory, nativePath(from), toDirectory, secondNativePath(to), flags), "renameat2", to);
}
