import type { ByteString } from "../../core/model/byte-string.js";
import type { Fail } from "./tar-fault.js";

export interface PaxRecord {
  readonly key: ByteString;
  /** Points into the header that was parsed. */
  readonly value: Buffer;
}

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;

/**
 * The records `LENGTH KEY=VALUE\n` of an extended header. Values are bytes: a name in another charset and an xattr with a NUL
 * or a newline stay what they are.
 *
 * @see POSIX.1-2017 pax, "pax Extended Header".
 */
export function parsePaxRecords(header: Buffer, fail: Fail): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < header.length;) {
    const space = header.indexOf(SPACE, at);
    const digits = space === -1 || space - at > 10 ? "" : header.toString("latin1", at, space);
    const end = /^[0-9]+$/.test(digits) ? at + Number(digits) : 0;
    if (end <= space || end > header.length || header[end - 1] !== NEWLINE) {
      return fail("an extended header's record has a wrong length");
    }
    const equals = header.indexOf(EQUALS, space);
    if (equals === -1 || equals >= end) return fail("an extended header's record has no equals sign");
    const key = header.toString("latin1", space + 1, equals) as ByteString;
    if (key === "" || key.includes("\0")) return fail("an extended header's keyword is empty or has a NUL");
    records.push({ key, value: header.subarray(equals + 1, end - 1) });
    at = end;
  }
  return records;
}

/** One record; its length counts itself. */
export function encodePaxRecord(key: string, value: Uint8Array | string): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value, "latin1") : value;
  const rest = 1 + key.length + 1 + bytes.length + 1;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`, "latin1"), bytes, Buffer.from("\n")], length);
}

/** Plain decimal digits, nothing else. @returns NaN for anything else, and beyond a safe integer. */
export function parseDecimal(value: Uint8Array): number {
  if (value.length === 0 || value.length > 16) return Number.NaN;
  let number = 0;
  for (const byte of value) {
    if (byte < 0x30 || byte > 0x39) return Number.NaN;
    number = number * 10 + byte - 0x30;
  }
  return Number.isSafeInteger(number) ? number : Number.NaN;
}

export interface PaxTime {
  readonly seconds: number;
  /** 0 to 999,999,999, also before 1970: -0.5 is second -1 and 500,000,000. */
  readonly nanoseconds: number;
}

/** Seconds since 1970 with a decimal fraction, rounded down to a nanosecond. @returns `undefined` when it is no such number. */
export function parsePaxTime(value: Buffer): PaxTime | undefined {
  const match = /^(-?)(\d{1,16})(?:\.(\d*))?$/.exec(value.toString("latin1"));
  if (match === null) return undefined;
  const whole = Number(match[2]);
  if (!Number.isSafeInteger(whole)) return undefined;
  const fraction = match[3] ?? "";
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, "0"));
  if (match[1] === "") return { seconds: whole, nanoseconds };
  const below = nanoseconds + (/[1-9]/.test(fraction.slice(9)) ? 1 : 0);
  if (below === 0) return { seconds: whole === 0 ? 0 : -whole, nanoseconds: 0 };
  return { seconds: -whole - 1, nanoseconds: 1_000_000_000 - below };
}

export function formatPaxTime(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return String(seconds);
  const isNegative = seconds < 0;
  const whole = isNegative ? -(seconds + 1) : seconds;
  const fraction = isNegative ? 1_000_000_000 - nanoseconds : nanoseconds;
  return `${isNegative ? "-" : ""}${whole}.${String(fraction).padStart(9, "0")}`;
}
