import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { putTogetherAgain, recordedTar } from "../blobs/recorded-tar.js";
import { importBytes, listing } from "./import-bytes.js";
import { archive } from "./raw-tar.js";

/** One archive of the hostile corpus. */
export interface Case {
  /** The family's letter and the number of its description. */
  readonly id: string;
  readonly why: string;
  readonly bytes: () => Buffer;
  /** Part of the message, when it is to be refused. */
  readonly rejects?: RegExp;
  /** What `listing` gives, when it is to be taken. */
  readonly gives?: readonly string[];
  /** One of the warnings; without it there must be none. */
  readonly warns?: RegExp;
}

export const rejected = (id: string, why: string, rejects: RegExp, ...parts: readonly Buffer[]): Case => ({
  id,
  why,
  bytes: () => archive(...parts),
  rejects,
});
export const taken = (id: string, why: string, gives: readonly string[], ...parts: readonly Buffer[]): Case => ({
  id,
  why,
  bytes: () => archive(...parts),
  gives,
});
export const warned = (warns: RegExp, one: Case): Case => ({ ...one, warns });
export const whole = (bytes: Buffer, one: Case): Case => ({ ...one, bytes: () => bytes });

export const X = 'f: file 0644 "x"';

/** Each archive in large and in small pieces; what is taken can be put together again. */
export function testCases(cases: readonly Case[]): void {
  for (const { id, why, bytes, rejects, gives, warns } of cases) {
    test(`importTar() ${rejects === undefined ? "takes" : "refuses"} ${why} (${id})`, async (t) => {
      for (const step of [65_536, 700]) {
        if (rejects !== undefined) {
          const error = await t.throwsAsync(importBytes(bytes(), step), { instanceOf: VarveError });
          t.is(error.code, "SOURCE_INVALID");
          t.regex(error.message, rejects);
          t.truthy(error.hint);
          continue;
        }
        const imported = await importBytes(bytes(), step);
        t.deepEqual(listing(imported), gives);
        const record = await recordedTar(temporaryDirectory(t), bytes(), step);
        t.true((await putTogetherAgain(record)).equals(bytes()));
        if (warns === undefined) t.deepEqual(imported.warnings, []);
        else
          t.true(
            imported.warnings.some((warning) => warns.test(warning)),
            imported.warnings.join(),
          );
      }
    });
  }
}
