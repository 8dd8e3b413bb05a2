import { FORGED_CHUNKS, FORGED_CONTENTS } from "./forged-contents.js";
import { FORGED_DIRECTORIES, FORGED_NAMES } from "./forged-directories.js";
import { FORGED_ACLS, FORGED_INODES, FORGED_XATTRS } from "./forged-inodes.js";
import { FORGED_LINKS } from "./forged-links.js";
import { FORGED_SUPERBLOCKS } from "./forged-superblocks.js";
import type { Forgery } from "./forgery.js";

/** What a stranger could write on purpose, which random changes do not find. */
export const FORGERIES: readonly Forgery[] = [
  ...FORGED_SUPERBLOCKS,
  ...FORGED_DIRECTORIES,
  ...FORGED_NAMES,
  ...FORGED_LINKS,
  ...FORGED_INODES,
  ...FORGED_XATTRS,
  ...FORGED_ACLS,
  ...FORGED_CONTENTS,
  ...FORGED_CHUNKS,
];
