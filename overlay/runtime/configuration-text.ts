import { randomBytes } from "node:crypto";

/** JSON with whole numbers beyond those that JavaScript's own JSON can write. */
export function configurationText(value: unknown): string {
  // No text of the configuration can hold what nobody could know before.
  const mark = randomBytes(16).toString("hex");
  const text = JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? `${mark}${each}` : each));
  return text.replace(new RegExp(`"${mark}(\\d+)"`, "g"), "$1");
}
