import { createContainer } from "../../core/operations/container-lifecycle.js";
import { branchRef } from "../../core/revision/ref-names.js";
import { command, type Command } from "../command.js";
import { newContainerName } from "../container-name.js";
import { openRepository } from "../open-repository.js";
import { printJson } from "../render/json-array.js";
import { commitOf } from "../revision-words.js";
import { BACKGROUND_OPTIONS, backgroundOf } from "../run-options/background.js";
import { IMAGE_VOLUME_OPTION, withImageVolumes } from "../run-options/image-volumes.js";
import { imageCommand, PLACE_OPTIONS } from "../run-options/place.js";
import { RUN_OPTIONS, runConfiguration } from "../run-options.js";

export const createCommand: Command = command(
  {
    name: "create",
    form: "[options] REV [-- CMD…]",
    summary: "Make a container on a commit, and start nothing",
    description: `Makes a container on REV, as "varve run -d" does, but does not start it: "varve start NAME" does, in the background. What stands
on stdout is its id.`,
    words: [{ name: "REV", required: true }],
    rest: "command",
    options: { ...PLACE_OPTIONS, ...IMAGE_VOLUME_OPTION, ...BACKGROUND_OPTIONS, ...RUN_OPTIONS },
    examples: [
      ["varve create --name web base -- httpd -f", "then: varve start web"],
      [
        "varve create --name web --restart on-failure:3 base -- httpd -f",
        "one that is started again, three times in a row at most",
      ],
    ],
    statuses: [["31", "there is a container of that name"]],
  },
  async ({ words: [revision = ""], rest = [], options: given, session }) => {
    const branch = given.branch === undefined ? undefined : branchRef(given.branch);
    const repository = await openRepository(session);
    const commit = await commitOf(repository, revision);
    const name = given.name ?? newContainerName(new Set(repository.containers.list().map(({ record }) => record.name)));
    const background = backgroundOf(given, false);
    const { command: started, image } = await imageCommand(repository, commit, {
      revision,
      entrypoint: given.entrypoint,
      words: rest,
    });
    const subject = { name, command: started, environment: process.env, image };
    const configuration = { ...withImageVolumes(runConfiguration(given, subject), image, given), background };
    const { id } = await createContainer(repository, { name, branch, commit, configuration, command: session.typed });
    if (session.json) printJson(session.terminal, { id, name });
    else session.terminal.print(`${id}\n`);
  },
);
