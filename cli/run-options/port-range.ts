export const LAST_PORT = 65_535;

/** `80`, or `8000-8010`. @returns Each of them; `undefined` for what is no range of ports. */
export function portRange(text: string): readonly number[] | undefined {
  const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  if (from === undefined) return undefined;
  const [first, last] = [Number(from), Number(to)];
  if (first < 1 || last > LAST_PORT || last < first) return undefined;
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}
