/** How often and how patiently something is tried. Times are milliseconds. */
export interface Pace {
  /** Tries of one thing that bring nothing forward. */
  readonly attempts: number;
  /** Before the second try; doubled for each further one, each time a random part of it. */
  readonly firstDelay: number;
  readonly longestDelay: number;
  /** What a registry may ask to wait, by Retry-After. */
  readonly longestWait: number;
  /** How long nothing may come or go. */
  readonly idle: number;
}

export const PACE: Pace = { attempts: 5, firstDelay: 500, longestDelay: 15_000, longestWait: 60_000, idle: 60_000 };

/** How long to wait: partly at random, so that many clients do not come back at once. @param failures So far, 1 or more. @param least What was asked for. */
export function delayBeforeRetry(pace: Pace, failures: number, least: number): number {
  const most = Math.min(pace.longestDelay, pace.firstDelay * 2 ** (failures - 1));
  return least + most / 2 + (Math.random() * most) / 2;
}

/** Dates of HTTP begin with the day of the week. What else `Date.parse` takes for one, such as -1 or 1.5, is none. */
const DATE = /^[A-Z]/i;

/**
 * What Retry-After asks for, as seconds or as a date.
 *
 * @returns Milliseconds; `undefined` when it asks for nothing that can be read.
 */
export function retryAfter(header: string | undefined, now: number = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text), Number.MAX_SAFE_INTEGER) * 1000;
  const date = DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
