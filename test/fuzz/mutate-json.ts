import { mutateBytes } from "./mutate-bytes.js";
import type { Random } from "./random.js";

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e308,
  "",
  "..",
  "../../etc",
  "a\0b",
  "x".repeat(5000),
  "refs/heads/../x",
  "refs/heads/x.lock",
  "0".repeat(64),
  "f".repeat(40),
  [],
  [[]],
  {},
  { __proto__: null, length: -1 },
  { toString: 1 },
];

/** Changes a JSON text as a text, or one value of it. */
export function mutateJson(text: string, random: Random): Buffer {
  if (random.once(3)) return mutateBytes(Buffer.from(text), random);
  const value = JSON.parse(text) as unknown;
  for (let count = 1 + random.below(3); count > 0; count -= 1) changeSomewhere(value, random);
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

function changeSomewhere(value: unknown, random: Random): void {
  let holder = value as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(holder);
    const key = keys.length === 0 || random.once(12) ? "unknown" : random.pick(keys);
    const inner = holder[key];
    if (typeof inner === "object" && inner !== null && !random.once(4)) {
      holder = inner as Record<string, unknown>;
      continue;
    }
    if (random.once(5)) Reflect.deleteProperty(holder, key);
    else holder[key] = structuredClone(random.pick(VALUES));
    return;
  }
}
