import { watchEvents } from "../../core/operations/watch-events.js";
import { eventFilter } from "../../core/events/event-filter.js";
import type { VarveError } from "../../core/errors.js";
import { command, type Command, type Session } from "../command.js";
import { logTimeOf } from "../log-time.js";
import { openRepository } from "../open-repository.js";
import { printableLine } from "../printable.js";
import { eventText } from "../render/event-text.js";
import { printJson } from "../render/json-array.js";

const options = {
  since: {
    type: "string",
    value: "TIME",
    describe: "What happened from TIME on, too: 2026-11-27T12:00:00Z, or an age such as 10m",
  },
  until: { type: "string", value: "TIME", describe: "What happened before TIME, and end then" },
  filter: {
    type: "string",
    alias: "f",
    array: true,
    value: "KEY=VALUE",
    describe: "Only those that fit. Keys: type, event, container, label, branch, tag",
  },
  "no-stream": { type: "boolean", describe: "Print what has happened, and end" },
} as const;

export const eventsCommand: Command = command(
  {
    name: "events",
    form: "[--since TIME] [--until TIME] [-f KEY=VALUE]",
    summary: "Print what happens to containers and in the store, as it happens",
    description: `Prints a line for each event, from now on until Ctrl-C; with --since or --until also what was before. Of containers (type
"container"): create, start, die, oom, kill, stop, restart, pause, unpause, exec, exec_die, attach, rename, update, remove. Of each command
that the operation log has ("operation") what it was, such as commit, rollback or undo, and which branches and tags it moved ("branch", "tag":
create, move, rename, delete). Of the store ("store"): gc, repair. Filters of one key are alternatives, those of different keys must all fit.
Docker's words destroy and exec_start are understood, and podman's died. Old events of containers are dropped: some 20,000 at least are kept.`,
    words: [],
    options,
    examples: [
      ["varve events", "what happens from now on"],
      ["varve events --since 1h --no-stream -f event=die -f event=oom", "what ended in the last hour"],
      ["varve events --json -f container=web -f type=container", "one object a line, for programs"],
      ["varve events -f type=branch", "commits, and whatever else moves branches"],
    ],
  },
  async ({ options: { since, until, filter, "no-stream": noStream }, session }) => {
    const isWanted = eventFilter(filter);
    const query = {
      since: since === undefined ? undefined : logTimeOf("--since", since, Date.now()),
      until: until === undefined ? undefined : logTimeOf("--until", until, Date.now()),
      follow: !noStream,
      onDamage: (error: VarveError) => tellDamage(session, error),
    };
    const { terminal, json } = session;
    for await (const event of watchEvents(await openRepository(session), query)) {
      if (!isWanted(event)) continue;
      if (json) printJson(terminal, { ...event });
      else terminal.print(`${eventText(event)}\n`);
    }
  },
);

/** What is left is told all the same. */
function tellDamage({ terminal }: Session, { message }: VarveError): void {
  terminal.complain(`varve: warning: ${printableLine(message)}. What is older is left out; "varve fsck" tells more.\n`);
}
