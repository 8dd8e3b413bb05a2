/**
 * Stands in for the package string-width in the bundle (scripts/build.mjs). yargs brings it for the columns of its help, which we
 * print ourselves; its regular expression over all emoji would cost 40 ms at each start.
 */
export default function stringWidth(text: string): number {
  return Array.from(text).length;
}
