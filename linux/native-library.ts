import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type koffi from "koffi";

type Library = ReturnType<typeof koffi.load>;

const NATIVE_PART = `@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`;
const MUSL_LOADERS = ["x86_64", "aarch64", "armhf", "i386", "riscv64"].map((name) => `/lib/ld-musl-${name}.so.1`);

let koffiModule: typeof koffi | undefined;
let libc: Library | undefined;

/**
 * The one importer of koffi, at the first native call, since many commands need none. Its own start looks into Node's program for the C library
 * that it was made for, and reads five files: the native part alone is there in a tenth of the time.
 */
function loadKoffi(): typeof koffi {
  // `require`, since the package is CommonJS and its native part stays outside the bundle.
  return (koffiModule ??= loadNativePart() ?? (createRequire(import.meta.url)("koffi") as typeof koffi));
}

/** @returns `undefined` where the package lays it out otherwise, and where the C library may be musl's. */
function loadNativePart(): typeof koffi | undefined {
  if (MUSL_LOADERS.some(existsSync)) return undefined;
  const file = nativePartAbove(path.dirname(fileURLToPath(import.meta.url)));
  if (file === undefined) return undefined;
  const loaded = { exports: {} };
  try {
    process.dlopen(loaded, file);
    return loaded.exports as typeof koffi;
  } catch {
    return undefined;
  }
}

/** Where `require` would look for the package, beginning in `folder`. */
function nativePartAbove(folder: string): string | undefined {
  const file = path.join(folder, "node_modules", NATIVE_PART);
  if (existsSync(file)) return file;
  const above = path.dirname(folder);
  return above === folder ? undefined : nativePartAbove(above);
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

/** Whether a native call was made. */
export function isLoaded(): boolean {
  return koffiModule !== undefined;
}

/** Where a buffer's bytes stand, for structures that hold pointers. Keep the buffer alive while it is used. */
export function addressOf(buffer: Uint8Array): bigint {
  return loadKoffi().address(buffer);
}
