import type { Archives } from "../../core/ports/archives.js";
import { exportTar } from "./export-tar.js";
import { importTar } from "./import-tar.js";

/** What needs no place to look at archives. */
export const tarArchives: Pick<Archives, "importTar" | "exportTar"> = { importTar, exportTar };
