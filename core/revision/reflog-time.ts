/**
 * What stands in `main@{…}` when it is no number: `yesterday`, `2.days.ago`, `noon`, `2026-11-20`, `2026-11-20 10:00`. The times are those
 * that git(1) takes such words for, to the second and in every time zone; words that git reads in some other way than people do, or
 * passes over, are refused.
 *
 * @param text Words stand apart by spaces or dots; case does not count.
 * @param now What the words count from. What is local is so in the time zone of this process.
 * @returns Seconds since 1970; `undefined` when it is no time.
 * @see gitrevisions(7), "<refname>@{<date>}".
 *
 * @example
 * readReflogTime("2.days.ago", now); // 48 hours before now
 */
export function readReflogTime(text: string, now: Date): number | undefined {
  const words = text.toLowerCase().trim();
  const [, digits] = SECONDS.exec(words) ?? [];
  if (digits !== undefined) return Number(digits);
  const time = readDate(words, now) ?? readWords(words, now);
  return time !== undefined && Number.isFinite(time) ? Math.floor(time / 1000) : undefined;
}

/** Since 1970. Fewer digits are a count of moves, as in git. */
const SECONDS = /^@?(\d{9,12})$/;

const DAY_MILLISECONDS = 86_400_000;
const DATE =
  /^(?<year>\d{4})([-/])(?<month>\d{1,2})\2(?<day>\d{1,2})(?:(?:[t.]|\s+)(?<clock>\d{1,2}:\d{2}(?::\d{2})?)(?:\.\d+)?\s*(?<zone>z|utc|gmt|[+-]\d{2}:?\d{2})?)?$/;

/** A date, with the clock's time of now when it has none. */
function readDate(text: string, now: Date): number | undefined {
  const { year, month, day, clock, zone } = DATE.exec(text)?.groups ?? {};
  if (year === undefined) return undefined;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  // What the month lacks has become a day of the next. Other years git reads as something else.
  const isDay = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  if (!isDay || Number(year) < 1970 || Number(year) > 2099) return undefined;
  const local = new LocalTime(now.getTime());
  local.setDay(date.getTime());
  if (clock === undefined) return local.time;
  if (!readClock(clock, local)) return undefined;
  if (zone === undefined) return new Date(local.shown).getTime();
  return new Date(`${local.shown}Z`).getTime() - offsetOf(zone);
}

function offsetOf(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone) ?? [];
  return sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
}

const NUMBERS: Readonly<Record<string, number>> = Object.fromEntries(
  ["last", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"].map((name, index) => [
    name,
    index || 1,
  ]),
);
const UNIT_MILLISECONDS: Readonly<Record<string, number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: DAY_MILLISECONDS,
  week: 7 * DAY_MILLISECONDS,
};
const UNIT = /^(second|minute|hour|day|week|month|year)s?$/;
const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;

/** Each word moves the time on: `yesterday noon` is the last noon before this time yesterday. */
function readWords(text: string, now: Date): number | undefined {
  const words = text.split(/[\s.]+/);
  const local = new LocalTime(now.getTime());
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    const count = /^\d{1,6}$/.test(word) ? Number(word) : Object.hasOwn(NUMBERS, word) ? NUMBERS[word] : undefined;
    const unit = UNIT.exec(words[at + 1] ?? "")?.[1];
    if (count !== undefined && unit !== undefined) {
      local.goBack(count, unit);
      at += words[at + 2] === "ago" ? 2 : 1;
    } else if (!readWord(word, local)) return undefined;
  }
  return local.time;
}

/** @returns Whether it is the time of a clock. */
function readClock(word: string, local: LocalTime): boolean {
  const [, hour, minute, second = "0"] = CLOCK.exec(word) ?? [];
  return hour !== undefined && local.setClock(Number(hour), Number(minute), Number(second));
}

/** @returns Whether it is one. */
function readWord(word: string, local: LocalTime): boolean {
  if (readClock(word, local)) return true;
  if (word === "today") return true;
  // It is no move, but git looks anew at the zone, as with one.
  if (word === "now") local.goBack(0, "second");
  else if (word === "yesterday") local.goBack(1, "day");
  else if (word === "noon") local.goBackTo(12);
  else if (word === "midnight") local.goBackTo(0);
  else return false;
  return true;
}

/**
 * A moment, and what a clock on the wall shows then. As in git, what sets the clock keeps the offset from UTC that it has, though on the day
 * that it comes to daylight saving time may have begun or ended.
 */
class LocalTime {
  /** What the clock shows, as if it showed UTC. */
  #wall: number;
  #offset: number;

  /** @param time Milliseconds since 1970. */
  constructor(time: number) {
    this.#offset = offsetAt(time);
    this.#wall = time + this.#offset;
  }

  get time(): number {
    return this.#wall - this.#offset;
  }

  goBack(count: number, unit: string): void {
    const milliseconds = UNIT_MILLISECONDS[unit];
    this.#moveTo(this.time - count * (milliseconds ?? 0));
    if (milliseconds !== undefined) return;
    const date = new Date(this.#wall);
    // A 31st that the month lacks is one of the first days of the next.
    if (unit === "month") this.#wall = date.setUTCMonth(date.getUTCMonth() - count);
    else this.#wall = date.setUTCFullYear(date.getUTCFullYear() - count);
  }

  /** The last time that the clock showed this hour. */
  goBackTo(hour: number): void {
    if (new Date(this.#wall).getUTCHours() < hour) this.#moveTo(this.time - DAY_MILLISECONDS);
    this.setClock(hour, 0, 0);
  }

  /** @returns False when no clock shows that. */
  setClock(hour: number, minute: number, second: number): boolean {
    if (hour > 23 || minute > 59 || second > 59) return false;
    this.#wall = new Date(this.#wall).setUTCHours(hour, minute, second, 0);
    return true;
  }

  /** `2026-11-20T10:00:00`. */
  get shown(): string {
    return new Date(this.#wall).toISOString().slice(0, -5);
  }

  /** @param day Its beginning, were it UTC's. */
  setDay(day: number): void {
    this.#wall = day + (((this.#wall % DAY_MILLISECONDS) + DAY_MILLISECONDS) % DAY_MILLISECONDS);
  }

  #moveTo(time: number): void {
    this.#offset = offsetAt(time);
    this.#wall = time + this.#offset;
  }
}

/** Milliseconds east of UTC. */
function offsetAt(time: number): number {
  return -new Date(time).getTimezoneOffset() * 60_000;
}
