/**
 * Set for a command that was started anew in a user namespace: the number of a descriptor that it was given to be started there, or "-", and who its
 * user is outside, where inside all are called root.
 */
export const NAMESPACE_VARIABLE = "VARVE_NAMESPACE";

type Environment = Readonly<Record<string, string | undefined>>;

/** The name of the user whose namespace this command was started anew in; `undefined` in none. */
export function userOutside(environment: Environment): string | undefined {
  return partsOf(environment)?.[1];
}

/** The descriptor that it needs no more. */
export function namespaceDescriptor(environment: Environment): number | undefined {
  const [descriptor = "-"] = partsOf(environment) ?? [];
  return descriptor === "-" ? undefined : Number(descriptor);
}

function partsOf(environment: Environment): readonly [descriptor: string, user: string] | undefined {
  const [, descriptor, user] = /^(-|[0-9]{1,6}) (.+)$/s.exec(environment[NAMESPACE_VARIABLE] ?? "") ?? [];
  return descriptor === undefined || user === undefined ? undefined : [descriptor, user];
}
