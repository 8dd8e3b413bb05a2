// Node reads and parses the file of NODE_EXTRA_CA_CERTS at every start, TLS or not: 40 ms for a system's certificates, more than the rest of its start.
// So the launcher of dist/varve.js (scripts/build.mjs) gives it to Node under another name, and it gets its own back here, for the programs that
// varve starts. What opens a TLS connection has to read the file itself (docs/decisions/0007).
const GIVEN = "NODE_EXTRA_CA_CERTS";
const HELD = "VARVE_HELD_CA_CERTS";

/** After a start: the variable is there as the user has set it. */
export function giveBackCertificates(environment: NodeJS.ProcessEnv): void {
  const held = environment[HELD];
  if (held === undefined) return;
  environment[GIVEN] = held;
  Reflect.deleteProperty(environment, HELD);
}

/** @param variables `NAME=value` each, for another start of Node that does as this one. */
export function holdCertificates(variables: readonly Buffer[]): readonly Buffer[] {
  const given = Buffer.from(`${GIVEN}=`);
  return variables.map((variable) =>
    variable.subarray(0, given.length).equals(given)
      ? Buffer.concat([Buffer.from(`${HELD}=`), variable.subarray(given.length)])
      : variable,
  );
}
