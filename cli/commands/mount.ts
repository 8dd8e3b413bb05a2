import path from "node:path";
import { mountCommit } from "../../core/operations/mount-commit.js";
import { command, type Command } from "../command.js";
import { openRepository, openTreeMounts } from "../open-repository.js";
import { printJson } from "../render/json-array.js";
import { shortId } from "../render/names.js";
import { commitOf } from "../revision-words.js";
import { verifier, VERIFY_OPTION } from "../verify-option.js";

export const mountCommand: Command = command(
  {
    name: "mount",
    form: "[--verify] REV DIR",
    summary: "Show a commit's tree as a directory, read-only",
    description: `Mounts the tree of REV on DIR, which must be there. Nothing is copied: it takes a few milliseconds, however large the
tree is. Nobody can write to it, and neither setuid bits nor devices in it have any effect. It stays until "varve umount DIR" or a reboot,
even when its commit is gone. Needs root.`,
    words: [
      { name: "REV", required: true },
      { name: "DIR", required: true },
    ],
    options: VERIFY_OPTION,
    examples: [
      ["varve mount main~3 /mnt", "look at an older tree with any program"],
      ["varve mount --verify base /srv/base", "after each file was read and compared with its digest"],
    ],
    statuses: [
      ["15", "a layer is damaged"],
      ["20", "no such revision"],
      ["53", "the kernel or a lack of privileges forbids it"],
    ],
  },
  async ({ words: [revision = "", directory = ""], options: { verify }, session }) => {
    const repository = await openRepository(session);
    const commit = await commitOf(repository, revision);
    const place = path.resolve(directory);
    const options = { commit, directory: place, verify: verifier(verify, repository, session) };
    await mountCommit(repository, await openTreeMounts(), options);
    if (session.json) printJson(session.terminal, { commit, directory: place });
    else session.terminal.say(`Mounted ${shortId(commit)} on ${place}`);
  },
);
