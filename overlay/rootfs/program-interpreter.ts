import { endianness } from "node:os";

/** How much of a program's file `programFormat` looks at, in bytes. */
export const PROGRAM_HEAD_BYTES = 4096;

export interface ProgramFormat {
  /** `foreign` is ELF that this machine's kernel does not start by itself: of another processor, or no program. */
  readonly kind: "elf" | "script" | "foreign" | "unknown";
  /** Path of the program that the kernel starts for it: a script's interpreter, a dynamic loader. */
  readonly interpreter: string | undefined;
}

/** BINPRM_BUF_SIZE of Linux: what follows of a script's first line is not looked at. */
const SCRIPT_HEAD_BYTES = 256;
const SCRIPT = /^#![ \t]*([^ \t\n\0]+)[ \t\n\0]/;

const PT_INTERP = 3;
const ELF_HEADER_BYTES = 64;
const ELF64_PROGRAM_HEADER_BYTES = 56;
const EXECUTABLE_TYPES = [2, 3];
/** From elf.h, by Node's names: the processor's own, then those that its kernel may be built for. */
const MACHINES: Readonly<Record<string, readonly number[]>> = {
  x64: [62, 3],
  arm64: [183, 40],
  ppc64: [21, 20],
  riscv64: [243],
  loong64: [258],
  s390x: [22],
};

/**
 * Tells from a file's beginning how the kernel would start it (linux fs/binfmt_elf.c, fs/binfmt_script.c). Runtimes tell only in
 * words on standard error that a program's interpreter is not there.
 *
 * @param architecture As `process.arch`. Of one that is not known here every ELF program is taken.
 */
export function programFormat(head: Buffer, architecture: string = process.arch): ProgramFormat {
  // The kernel, too, reads a short file as if zeros followed.
  const start = Buffer.concat([head, Buffer.alloc(SCRIPT_HEAD_BYTES)]).subarray(0, Math.max(head.length, SCRIPT_HEAD_BYTES));
  if (start.toString("latin1", 0, 4) === "\x7fELF") {
    return isStartable(start, architecture)
      ? { kind: "elf", interpreter: elfInterpreter(start) }
      : { kind: "foreign", interpreter: undefined };
  }
  const script = SCRIPT.exec(start.toString("latin1", 0, SCRIPT_HEAD_BYTES));
  return script === null
    ? { kind: "unknown", interpreter: undefined }
    : { kind: "script", interpreter: textOfLatin1(script[1]!) };
}

function isStartable(head: Buffer, architecture: string): boolean {
  const numberAt = (offset: number): number => (endianness() === "LE" ? head.readUInt16LE(offset) : head.readUInt16BE(offset));
  const machines = MACHINES[architecture];
  if (!EXECUTABLE_TYPES.includes(numberAt(16)) || machines?.includes(numberAt(18)) === false) return false;
  // A compatible one has the smaller headers of 32 bits.
  return machines?.[0] !== numberAt(18) || (numberAt(54) === ELF64_PROGRAM_HEADER_BYTES && numberAt(56) > 0);
}

/** Of a 64-bit little-endian ELF file; others, and interpreters named far into the file, are not looked into. */
function elfInterpreter(head: Buffer): string | undefined {
  if (head.length < ELF_HEADER_BYTES || head[4] !== 2 || head[5] !== 1) return undefined;
  const [start, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)];
  for (let at = start; at < start + size * count && at + size <= head.length && size >= 56; at += size) {
    if (head.readUInt32LE(at) !== PT_INTERP) continue;
    const offset = Number(head.readBigUInt64LE(at + 8));
    const end = offset + Number(head.readBigUInt64LE(at + 32)) - 1;
    return end > offset && end <= head.length ? textOfLatin1(head.toString("latin1", offset, end)) : undefined;
  }
  return undefined;
}

/** `undefined` for bytes that are no UTF-8: the few such paths are left to the kernel. */
function textOfLatin1(bytes: string): string | undefined {
  const text = Buffer.from(bytes, "latin1").toString("utf8");
  return text.includes("\ufffd") ? undefined : text;
}
