import type { Archives } from "../core/ports/archives.js";

/** Decompressors and all are loaded when the first archive is. @param scratch Gives a path that nobody uses. */
export function archivesAt(scratch: () => string): Archives {
  return {
    importTar: async (...parts) => (await import("./tar/import-tar.js")).importTar(...parts),
    openTar: async (stream, name) => (await import("./tar/open-tar.js")).openTar(stream, name, scratch()),
    openLayout: async (directory, image) => (await import("./oci/open-layout.js")).openLayout(directory, image, scratch()),
    exportTar: async (...parts) => (await import("./tar/export-tar.js")).exportTar(...parts),
  };
}
