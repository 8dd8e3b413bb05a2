import type { Change } from "../../core/model/change.js";
import { jsonPath } from "./names.js";

/** One element of what `diff --json` prints: docs/json.md, "diff". */
export function changeJson({ path, status, reasons, from }: Change): Record<string, unknown> {
  return { ...jsonPath("path", path), status, reasons, ...(from === undefined ? {} : jsonPath("from", from)) };
}
