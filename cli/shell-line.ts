/** Words as one line that a shell reads as the same words: what the operation log and `ps` show of a command. */
export function shellLine(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./~^{}-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}
