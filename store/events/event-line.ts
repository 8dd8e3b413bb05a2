import { EVENT_TYPES, type StoreEvent } from "../../core/ports/events.js";

/** A command of a process may have 128 KiB a word. */
const LONGEST_VALUE = 4096;
/** Labels may have any size; an event without them is better than none. */
export const LARGEST_LINE_BYTES: number = 2 ** 16;
/** What each line begins with, and can't stand within a JSON text that is whole. */
const BEGINNING = '{"time":"';
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

/** One line of JSON. */
export function encodeEvent({ time, type, action, id, name, attributes, labels }: StoreEvent): Buffer {
  const short = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, cut(value)]));
  const event = { time, type, action, id, name: cut(name), attributes: short };
  const line = Buffer.from(`${JSON.stringify({ ...event, labels })}\n`);
  return line.length <= LARGEST_LINE_BYTES ? line : Buffer.from(`${JSON.stringify({ ...event, labels: {} })}\n`);
}

function cut(text: string): string {
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}…`;
}

/**
 * Reads a line as hostile text. Where a full disk tore the one before, both stand in one line: what begins last in it is read.
 * @returns `undefined` for what is no event.
 */
export function decodeEvent(line: string): StoreEvent | undefined {
  const begin = line.lastIndexOf(BEGINNING);
  if (begin === -1) return undefined;
  try {
    return eventOf(JSON.parse(line.slice(begin)) as Readonly<Record<keyof StoreEvent, unknown>>);
  } catch {
    return undefined;
  }
}

function eventOf({ time, type, action, id, name, attributes, labels }: Readonly<Record<keyof StoreEvent, unknown>>): StoreEvent {
  const known = EVENT_TYPES.find((each) => each === type);
  if (known === undefined) throw new TypeError("a type that is none");
  if (!TIME.test(textOf(time)) || Number.isNaN(Date.parse(textOf(time)))) throw new TypeError("a time that is none");
  return {
    time: textOf(time),
    type: known,
    action: textOf(action),
    id: textOf(id),
    name: textOf(name),
    attributes: textsOf(attributes),
    labels: textsOf(labels),
  };
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("a text that is none");
  return value;
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("an object that is none");
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, textOf(each)]));
}
