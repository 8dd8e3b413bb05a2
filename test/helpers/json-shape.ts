/** A description of JSON: a type's name, a pattern, null, an array of one description, keys, or several that may be. */
export type Shape =
  string | RegExp | null | { readonly any: readonly Shape[] } | readonly [Shape] | { readonly [key: string]: Shape };

/** @returns Where the value is of another shape, and how. */
export function misfits(value: unknown, shape: Shape, place = "$"): readonly string[] {
  if (shape === null) return value === null ? [] : [`${place}: ${JSON.stringify(value)} is not null`];
  if (typeof shape === "string")
    return typeof value === shape && value !== null ? [] : [`${place}: ${JSON.stringify(value)} is no ${shape}`];
  if (shape instanceof RegExp)
    return typeof value === "string" && shape.test(value) ? [] : [`${place}: ${JSON.stringify(value)}`];
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return [`${place}: no array`];
    return value.flatMap((item, index) => misfits(item, (shape as readonly [Shape])[0], `${place}[${index}]`));
  }
  if ("any" in shape && Array.isArray(shape["any"])) {
    const found = (shape["any"] as readonly Shape[]).map((one) => misfits(value, one, place));
    return found.some((list) => list.length === 0) ? [] : found.flat();
  }
  if (typeof value !== "object" || value === null) return [`${place}: no object`];
  const shapes = shape as Readonly<Record<string, Shape>>;
  const strange = Object.keys(value).filter((key) => !(key in shapes) && !key.endsWith("Base64"));
  const wrong = Object.entries(shapes).flatMap(([key, part]) =>
    misfits((value as Record<string, unknown>)[key], part, `${place}.${key}`),
  );
  return [...strange.map((key) => `${place}.${key}: not documented`), ...wrong];
}

const DIGEST = /^[0-9a-f]{64}$/;

/** Of `ls`. */
export const ENTRY: Shape = {
  path: /^\//,
  type: /^(file|directory|symlink|fifo|socket|character|block)$/,
  mode: /^[0-7]{4}$/,
  uid: "number",
  gid: "number",
  size: { any: ["number", null] },
  mtime: /^[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/,
  sha256: { any: [DIGEST, null] },
  target: { any: ["string", null] },
  device: { any: [/^\d+:\d+$/, null] },
  nlink: "number",
  xattrs: "object",
};

/** What `ps` tells of the network of a container that is on none. */
export const ON_NO_NETWORK: Readonly<Record<string, Shape>> = {
  network: /^none$/,
  address: null,
  ports: [{ containerPort: "number", protocol: "string", hostAddress: "string", hostPort: "number" }],
};

/** A tar. */
export const EXPORTED: Readonly<Record<string, Shape>> = {
  file: "string",
  format: /^tar$/,
  skipped: [/^\//],
  losses: [{ path: "string", what: "string" }],
  bytes: "number",
};
