/** What may stand for a word of a command line. */
export type WordKind =
  | "revision"
  | "branch"
  | "tag"
  | "container"
  | "volume"
  /** A container, or a tracked directory's path. */
  | "target"
  /** A revision, or the live state of something: `@`, `@NAME`. */
  | "side"
  /** A side and a path within it: `main:/etc/hosts`. */
  | "tree-path"
  /** What the operation log tells of. */
  | "operation"
  | "command"
  | "file"
  | "directory"
  | "free";

/**
 * By what help calls a word, or an option's value. Words in brackets and with dots are the same. `a|b` is one of these words themselves. A test
 * sees that each name of each command is here.
 */
const KINDS: Readonly<Record<string, WordKind>> = {
  REV: "revision",
  A: "side",
  B: "side",
  BRANCH: "branch",
  REF: "branch",
  TAG: "tag",
  REFERENCE: "tag",
  UPSTREAM: "branch",
  CONTAINER: "container",
  TARGET: "target",
  NEW: "revision",
  "A..B": "revision",
  "REV:PATH": "tree-path",
  "REV[:PATH]": "tree-path",
  SOURCE: "file",
  FILE: "file",
  SRC: "file",
  DEST: "file",
  "DEVICE:SIZE": "file",
  "DEVICE:N": "file",
  PATH: "file",
  DIR: "directory",
  "[SRC:]DST[:OPTS]": "file",
  "SRC[:DST[:rwm]]": "file",
  VOLUME: "volume",
  ID: "operation",
  COMMAND: "command",
};

/** Names of what only the person knows. */
const FREE: ReadonlySet<string> = new Set([
  "NAME",
  "OS/ARCH",
  "FORMAT",
  "HOST",
  "REGISTRY",
  "NAME=VALUE",
  "NAME=SOFT[:HARD]",
  "NAME:ADDRESS",
  "ADDRESS",
  "CAP",
  "DOMAIN",
  "GROUP",
  "INSTRUCTION",
  "KEY=VALUE",
  "MOUNT",
  "OPT",
  "OPTION",
  "PATH[:OPTS]",
  "PROGRAM",
  "NAME[=VALUE]",
  "MSG",
  "N",
  "AGE",
  "USEC",
  "LIST",
  "TIME",
  "REGEX",
  "GLOB",
  "SHA256",
  "PARENT",
  "PATTERN",
  "PERCENT",
  "SECONDS",
  "START,END",
  "SIDE",
  "SIGNAL",
  "SIZE",
  "max-size=SIZE",
  "USER[:GROUP]",
  "IP",
  "MAC",
  "SUBNET",
  "PORT[/udp]",
  "[[IP:]HOST:]PORT[/udp]",
]);

/** @returns `undefined` for a name that is neither known nor a choice. */
export function kindOf(name: string): WordKind | undefined {
  return KINDS[name] ?? (FREE.has(name) || name.includes("|") ? "free" : undefined);
}

/** The words that a name like `none|host|NAME` offers: those that stand for themselves. */
export function choicesOf(name: string): readonly string[] {
  return name.includes("|") ? name.split("|").filter((word) => !/[A-Z]/.test(word)) : [];
}
