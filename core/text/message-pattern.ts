/** Whether a commit's message fits. */
export type MessageTest = (message: string) => boolean;

export interface PatternOptions {
  /** Whether upper and lower case are the same. */
  readonly ignoreCase?: boolean;
}

/** Longer ones are no person's. */
const LONGEST_PATTERN = 4096;
/** Instructions that are tried at each character: counted repetitions make many. */
const LARGEST_PROGRAM = 5000;
const SPECIAL = /[\\^$.|?*+()[\]{}]/;

/**
 * Reads a regular expression that messages are searched for, as git does: extended, `^` and `$` stand at each line's ends, and it may be found
 * anywhere. RE2 runs it: in time that grows with the message alone, whatever the expression. It has no back references.
 *
 * @returns Why it is none, for people, in place of a test.
 */
export async function readMessagePattern(
  pattern: string,
  { ignoreCase = false }: PatternOptions = {},
): Promise<MessageTest | string> {
  if (pattern.length > LONGEST_PATTERN) return `it has ${pattern.length} characters, wanted at most ${LONGEST_PATTERN}`;
  if (!SPECIAL.test(pattern) && !ignoreCase) return (message) => message.includes(pattern);
  const { RE2JS, RE2JSSyntaxException } = await import("re2js");
  try {
    const compiled = RE2JS.compile(pattern, RE2JS.MULTILINE | (ignoreCase ? RE2JS.CASE_INSENSITIVE : 0));
    if (compiled.programSize() > LARGEST_PROGRAM) return "it would take too long, for it repeats too much";
    return (message) => compiled.matcher(message).find();
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    return `it is no regular expression: ${error.message
      .replace(/^error parsing regexp: /, "")
      .replace("(?m)", "")
      .replace("(?im)", "")}`;
  }
}
