/**
 * Random hexadecimal digits for a name that nothing else has. No secret: what nobody may guess comes from `node:crypto`, which takes a
 * command longer to load than all that it does with an id.
 */
export function randomId(bytes: number): string {
  return Array.from({ length: bytes }, () => randomBelow(256).toString(16).padStart(2, "0")).join("");
}

/** A whole number from 0. */
export function randomBelow(limit: number): number {
  return Math.floor(Math.random() * limit);
}
