import { ordinaryUser, type OrdinaryUser } from "../helpers/ordinary-user.js";
import { testIf } from "../helpers/requirements.js";

/** Whether these are the tests of root once more, for an ordinary user: test files named "-as-user" set it before they load the others. */
export const isByUser: boolean = process.env["VARVE_TEST_AS"] === "user";

/** Whom the containers of this test run belong to; `undefined`: root. */
export function testedUser(): OrdinaryUser | undefined {
  return isByUser ? ordinaryUser() : undefined;
}

const NEEDED = ["erofs", "overlay", "oci-runtime", "mkfs.erofs"] as const;

/** A test of what containers do, whoever runs them. */
export const runtimeTest: ReturnType<typeof testIf> = testIf(...NEEDED, ...(isByUser ? ["ordinary-user"] : []));
