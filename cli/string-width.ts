/**
 * Stands in for the package string-width in the bundle (scripts/build.mjs). yargs measures the columns of its help with it, and
 * our help has one column a character; but the package's regular expression over all emoji costs 40 ms at each start.
 */
export default function stringWidth(text: string): number {
  return Array.from(text).length;
}
