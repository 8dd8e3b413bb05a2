import path from "node:path";
import { command, type Command } from "../command.js";
import { openTreeMounts } from "../open-repository.js";
import { printJson } from "../render/json-array.js";

export const umountCommand: Command = command(
  {
    name: "umount",
    form: "DIR",
    summary: "Take away what mount shows",
    description: `Unmounts a tree that "varve mount" has put on DIR, which then shows again what stands in it. Mounts of other programs are
left alone. No store is needed. Needs root.`,
    words: [{ name: "DIR", required: true }],
    options: {},
    examples: [["varve umount /mnt", "take it away"]],
    statuses: [
      ["25", "no commit is mounted there"],
      ["53", "a process uses it"],
    ],
  },
  async ({ words: [directory = ""], session }) => {
    const place = path.resolve(directory);
    (await openTreeMounts()).unmount(place);
    if (session.json) printJson(session.terminal, { directory: place });
    else session.terminal.say(`Unmounted ${place}`);
  },
);
