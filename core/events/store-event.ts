import type { EventDraft } from "../ports/events.js";

/** What concerns the store as a whole. */
export const STORE_EVENT: Omit<EventDraft, "action"> = { type: "store", id: "", name: "", attributes: {}, labels: {} };
