import { closeSync, openSync, readSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { findExecutable } from "../rootfs/executable-search.js";
import { PROGRAM_HEAD_BYTES, programFormat } from "../rootfs/program-interpreter.js";

/** Where a container sees its init: in a filesystem that it has of its own, so that its tree gets no file. */
export const INIT_PLACE = "/dev/init";

const NAMES = ["catatonit", "docker-init", "tini-static", "tini"];

/**
 * A program of this machine that starts another one, hands signals on to it and reaps what it leaves.
 * @returns Its path. @throws VarveError UNSUPPORTED when there is none that needs no library of the container's.
 */
export function findInit(): string {
  const found = NAMES.flatMap((name) => findExecutable(name) ?? []);
  const alone = found.find(isStatic);
  if (alone !== undefined) return alone;
  const state =
    found[0] === undefined
      ? "this machine has neither catatonit nor tini"
      : `"${found[0]}" needs libraries that a container may lack`;
  throw new VarveError("UNSUPPORTED", `Cannot give the container an init: ${state}`, {
    hint: 'Install one, such as with "apt-get install catatonit".',
  });
}

function isStatic(file: string): boolean {
  const head = Buffer.alloc(PROGRAM_HEAD_BYTES);
  const descriptor = openSync(file, "r");
  try {
    const length = readSync(descriptor, head, 0, head.length, 0);
    const { kind, interpreter } = programFormat(head.subarray(0, length));
    return kind === "elf" && interpreter === undefined;
  } finally {
    closeSync(descriptor);
  }
}
