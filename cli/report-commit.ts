import { VarveError } from "../core/errors.js";
import type { ByteString } from "../core/model/byte-string.js";
import type { CommitResult } from "../core/operations/commit-target.js";
import type { Session } from "./command.js";
import { EXIT_STATUS } from "./exit-status.js";
import { printableLine, printableName } from "./printable.js";
import { commitResultJson } from "./render/commit-json.js";
import { commitReport } from "./render/commit-text.js";
import { printJson } from "./render/json-array.js";

interface ReportOptions {
  /** What a person may do now. */
  readonly next?: string;
  /** How what was mounted could have been taken along. */
  readonly takesMounts?: string;
}

/** Tells of a commit that was made, and of what was lost on the way. */
export function reportCommit({ terminal, json }: Session, result: CommitResult, { next, takesMounts }: ReportOptions = {}): void {
  for (const warning of result.warnings) terminal.complain(`varve: warning: ${printableLine(warning)}\n`);
  if (result.mounts.length > 0) terminal.complain(`varve: warning: ${mountsLeftOut(result.mounts)}${takesMounts ?? ""}\n`);
  if (json) printJson(terminal, commitResultJson(result));
  else terminal.say(next === undefined ? commitReport(result) : `${commitReport(result)}\n${next}`);
}

const MOST_NAMED = 5;

function mountsLeftOut(mounts: readonly ByteString[]): string {
  const named = mounts.slice(0, MOST_NAMED).map((place) => printableName(`/${place}` as ByteString));
  const more = mounts.length > MOST_NAMED ? [`${mounts.length - MOST_NAMED} more`] : [];
  return `what is mounted on ${[...named, ...more].join(", ")} is not in the commit`;
}

/** With --json a commit that was not made is `{"commit":null}`, not a failure's JSON; the exit status is the same. */
export async function whenNothingToCommit({ terminal, json }: Session, work: () => Promise<void>): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    if (!json || !(error instanceof VarveError) || error.code !== "NOTHING_TO_COMMIT") throw error;
    printJson(terminal, { commit: null });
    return EXIT_STATUS.NOTHING_TO_COMMIT;
  }
}
