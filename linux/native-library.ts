import { createRequire } from "node:module";
import type koffi from "koffi";

/** The one importer of koffi. Loaded with `require`, since the package is CommonJS and its native part stays outside the bundle. */
const library: typeof koffi = createRequire(import.meta.url)("koffi") as typeof koffi;

/** The C library of this process. Symbols that an older one lacks throw when they are asked for, not here. */
const libc: ReturnType<typeof koffi.load> = library.load(null as unknown as string);

export type NativeFunction = (...values: unknown[]) => number;

/**
 * Declares a C function.
 *
 * @param declaration A C prototype, such as `int close(int fd)`.
 * @returns A synchronous call; read `lastErrno()` at once after it fails.
 */
export function declare(declaration: string): NativeFunction {
  return libc.func(declaration) as unknown as NativeFunction;
}

/** `errno` of the native call made last on this thread. */
export function lastErrno(): number {
  return library.errno();
}
