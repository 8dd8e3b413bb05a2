/** Linux's signals by number, from 1: the same on all processors but MIPS, Alpha, SPARC and PA-RISC. */
const NAMES =
  `HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM
  PROF WINCH IO PWR SYS`.split(/\s+/);

/** The first and last of the real-time signals that glibc leaves to programs. */
const [RTMIN, RTMAX] = [34, 64];

/** The number of a signal as docker writes it: `SIGTERM`, `term`, `15`, `RTMIN+3`. @returns `undefined` when there is none such. */
export function signalNumber(text: string): number | undefined {
  if (/^[1-9][0-9]?$/.test(text)) return Number(text) <= RTMAX ? Number(text) : undefined;
  const name = text.toUpperCase().replace(/^SIG/, "");
  const at = NAMES.indexOf(name);
  if (at !== -1) return at + 1;
  const [, edge, digits = "0"] = /^(RTMIN(?=$|\+)|RTMAX(?=$|-))(?:[+-]([0-9]{1,2}))?$/.exec(name) ?? [];
  if (edge === undefined) return undefined;
  const number = edge === "RTMIN" ? RTMIN + Number(digits) : RTMAX - Number(digits);
  return number >= RTMIN && number <= RTMAX ? number : undefined;
}

/** @returns `SIGTERM`; the number where there is no name. */
export function signalName(number: number): string {
  const name = NAMES[number - 1];
  return name === undefined ? String(number) : `SIG${name}`;
}
