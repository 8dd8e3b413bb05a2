// What opening and using a store says to a person besides what was asked for.
import type { VarveError } from "../core/errors.js";
import type { FinishedOperation } from "../core/operations/finish-interrupted.js";
import type { Session } from "./command.js";
import { printableLine } from "./printable.js";

export function tellFinished({ terminal }: Session, { operation, obstacle }: FinishedOperation): void {
  const what = `"${printableLine(operation.command)}", which was stopped half-way`;
  terminal.complain(
    obstacle === undefined
      ? `varve: finished ${what}\n`
      : `varve: warning: did not finish ${what}: ${printableLine(obstacle)}. Take it back: varve undo ${operation.id}\n`,
  );
}

/** Said when layers are unpacked: once for each. */
export function tellLeftOut({ terminal }: Session, devices: number): void {
  terminal.say(
    `Left out for containers of an ordinary user, not of commits: ${devices} device ${devices === 1 ? "node" : "nodes"}`,
  );
}

/** The command goes on: what it was asked for does not need them. */
export function tellEventFault({ terminal }: Session, { message, path }: VarveError): void {
  terminal.complain(`varve: warning: ${printableLine(message)}${path === undefined ? "" : ` (${printableLine(path)})`}\n`);
}

export function tellSingleOwner({ terminal }: Session, reason: string): void {
  terminal.complain(
    `varve: warning: in containers of this user all files have one owner, since ${printableLine(reason)}. What a commit says of owners stays as it was.\n`,
  );
}

export function tellWait({ terminal }: Session, holder: { readonly pid: number; readonly command: string } | undefined): void {
  const who = holder === undefined ? "another command" : `process ${holder.pid} (varve ${holder.command})`;
  terminal.complain(`varve: waiting for ${who}, which changes this store\n`);
}
