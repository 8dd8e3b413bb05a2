import { closeSync } from "node:fs";
import { VarveError } from "../core/errors.js";
import { NAMESPACE_VARIABLE, namespaceDescriptor, userOutside } from "../core/user-outside.js";
import type { NamespaceUse, Session } from "./command.js";

/** Starts the command anew in a user namespace, where its user needs one: then this does not return. */
export async function enterNamespace(session: Session, use: NamespaceUse): Promise<void> {
  if (process.geteuid?.() === 0) return;
  const { enterUserNamespace } = await import("./open-repository.js");
  await enterUserNamespace(session, use);
}

/**
 * Starts the command anew where it failed for want of a user namespace. What it had begun was taken back.
 * @returns What failed.
 */
export async function startAnew(session: Session | undefined, error: unknown): Promise<unknown> {
  const isNeeded = error instanceof VarveError && error.code === "NAMESPACE_NEEDED";
  if (!isNeeded || session === undefined) return error;
  try {
    await enterNamespace(session, "always");
    return error;
  } catch (reason) {
    return reason;
  }
}

/** The descriptor that led here is not for the programs that this one starts. */
export function settleInNamespace(): void {
  const descriptor = namespaceDescriptor(process.env);
  if (descriptor === undefined) return;
  process.env[NAMESPACE_VARIABLE] = `- ${userOutside(process.env) ?? ""}`;
  closeSync(descriptor);
}
