import type { Archives } from "../../core/ports/archives.js";
import { exportTar } from "./export-tar.js";
import { importTar } from "./import-tar.js";

/** The port, as cli/open-repository.ts wires it. */
export const tarArchives: Archives = { importTar, exportTar };
