import type { StoreEvent } from "../../core/ports/events.js";
import { printableLine } from "../printable.js";

/** One line, as docker has it. */
export function eventText({ time, type, action, id, name, attributes }: StoreEvent): string {
  const facts = Object.entries({ ...(name !== "" && { name }), ...attributes }).map(([key, value]) => `${key}=${value}`);
  const words = [time, type, action, ...(id === "" ? [] : [id]), ...(facts.length === 0 ? [] : [`(${facts.join(", ")})`])];
  return printableLine(words.join(" "));
}
