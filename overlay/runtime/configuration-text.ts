import { randomBytes } from "node:crypto";

/** JSON with whole numbers beyond those that JavaScript's own JSON can write. */
export function configurationText(value: unknown): string {
  let mark: string | undefined;
  const text = JSON.stringify(value, (_, each: unknown) => {
    if (typeof each !== "bigint") return each;
    // No text of the configuration can hold what nobody could know before.
    mark ??= randomBytes(16).toString("hex");
    return `${mark}${each}`;
  });
  return mark === undefined ? text : text.replace(new RegExp(`"${mark}(\\d+)"`, "g"), "$1");
}
