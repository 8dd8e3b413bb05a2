import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import AjvDraft04 from "ajv-draft-04";
import { OCI_SCHEMAS } from "./requirements.js";

export type OciDocument = "config" | "image-manifest" | "image-index" | "image-layout";

// RFC 3339, section 5.6, and RFC 3986, section 3, as far as a pattern tells.
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;
const URI = /^[a-z][a-z0-9+.-]*:[\x21-\x7e]*$/i;

let read: AjvDraft04.default | undefined;

/** @returns What is wrong with a document by OCI's JSON schemas; none when it is right. */
export function faultsOf(kind: OciDocument, document: unknown): readonly string[] {
  read ??= readSchemas();
  const validate = read.getSchema(`${kind}-schema.json`);
  if (validate === undefined) throw new RangeError(`there is no schema of ${kind}`);
  if (validate(document) === true) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message ?? ""}`);
}

function readSchemas(): AjvDraft04.default {
  // The schemas have formats of Go's package, and words that no draft has, such as "media".
  const schemas = new AjvDraft04.default({ strict: false, allErrors: true, formats: { "date-time": DATE_TIME, uri: URI } });
  for (const name of readdirSync(OCI_SCHEMAS).filter((file) => file.endsWith(".json"))) {
    // Names of parts would have their references lead elsewhere: all files stand beside each other.
    const withoutNames = (key: string, value: unknown): unknown =>
      ["id", "$schema"].includes(key) && typeof value === "string" ? undefined : value;
    schemas.addSchema(JSON.parse(readFileSync(path.join(OCI_SCHEMAS, name), "utf8"), withoutNames) as object, name);
  }
  return schemas;
}
