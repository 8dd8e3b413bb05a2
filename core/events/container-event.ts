import type { ContainerRecord } from "../ports/containers.js";
import type { EventDraft } from "../ports/events.js";

/** @param attributes What tells more of the action. */
export function containerEvent(
  action: string,
  { id, name, configuration: { labels = {} } }: Pick<ContainerRecord, "id" | "name" | "configuration">,
  attributes: Readonly<Record<string, string>> = {},
): EventDraft {
  return { type: "container", action, id, name, attributes, labels };
}
