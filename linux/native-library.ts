import { createRequire } from "node:module";
import type koffi from "koffi";

type Library = ReturnType<typeof koffi.load>;

let koffiModule: typeof koffi | undefined;
let libc: Library | undefined;

/** The one importer of koffi, at the first native call: loading it takes about 10 ms, and many commands need none. */
function loadKoffi(): typeof koffi {
  // `require`, since the package is CommonJS and its native part stays outside the bundle.
  return (koffiModule ??= createRequire(import.meta.url)("koffi") as typeof koffi);
}

export type NativeFunction = (...values: unknown[]) => number;

/**
 * Declares a C function of this process's C library. It is looked up at its first call, so declaring costs nothing.
 *
 * @param declaration A C prototype, such as `int close(int fd)`. Give buffers as `void *`: they are passed as they are.
 * @returns A synchronous call; read `lastErrno()` at once after it fails. Throws when the C library lacks the symbol.
 */
export function declare(declaration: string): NativeFunction {
  let bound: NativeFunction | undefined;
  const call = (): NativeFunction => (bound ??= bind(declaration));
  // Collecting arguments into an array costs as much as a short system call.
  switch (declaration.split(",").length) {
    case 1:
      return (...values) => call()(...values);
    case 2:
      return (a, b) => call()(a, b);
    case 3:
      return (a, b, c) => call()(a, b, c);
    case 4:
      return (a, b, c, d) => call()(a, b, c, d);
    case 5:
      return (a, b, c, d, e) => call()(a, b, c, d, e);
    default:
      return (...values) => call()(...values);
  }
}

function bind(declaration: string): NativeFunction {
  libc ??= loadKoffi().load(null);
  return libc.func(declaration);
}

/** `errno` of the native call made last on this thread. */
export function lastErrno(): number {
  return loadKoffi().errno();
}

/** Where a buffer's bytes stand, for structures that hold pointers. Keep the buffer alive while it is used. */
export function addressOf(buffer: Uint8Array): bigint {
  return loadKoffi().address(buffer);
}
