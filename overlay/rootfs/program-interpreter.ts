/** How much of a program's file `programFormat` looks at, in bytes. */
export const PROGRAM_HEAD_BYTES = 4096;

export interface ProgramFormat {
  readonly kind: "elf" | "script" | "unknown";
  /** Absolute path of the program that the kernel starts for it: a script's interpreter, a dynamic loader. */
  readonly interpreter: string | undefined;
}

const PT_INTERP = 3;
const ELF_HEADER_BYTES = 64;

/**
 * Tells from a file's beginning how the kernel would start it (linux fs/binfmt_elf.c, fs/binfmt_script.c). Runtimes tell only in
 * words on standard error that a program's interpreter is not there.
 */
export function programFormat(head: Buffer): ProgramFormat {
  if (head.toString("latin1", 0, 4) === "\x7fELF") return { kind: "elf", interpreter: elfInterpreter(head) };
  const script = /^#![ \t]*([^\s\0]+)/.exec(head.toString("latin1", 0, 256));
  return script === null ? { kind: "unknown", interpreter: undefined } : { kind: "script", interpreter: script[1] };
}

/** Of a 64-bit little-endian ELF file; others, and interpreters named far into the file, are not looked into. */
function elfInterpreter(head: Buffer): string | undefined {
  if (head.length < ELF_HEADER_BYTES || head[4] !== 2 || head[5] !== 1) return undefined;
  const [start, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)];
  for (let at = start; at < start + size * count && at + size <= head.length && size >= 56; at += size) {
    if (head.readUInt32LE(at) !== PT_INTERP) continue;
    const offset = Number(head.readBigUInt64LE(at + 8));
    const end = offset + Number(head.readBigUInt64LE(at + 32)) - 1;
    return end > offset && end <= head.length ? head.toString("latin1", offset, end) : undefined;
  }
  return undefined;
}
