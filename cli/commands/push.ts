import { exportImage } from "../../core/exchange/export-image.js";
import { machinePlatform } from "../../core/exchange/machine-platform.js";
import { parseImageReference, shortImageName } from "../../core/image/image-reference.js";
import { command, type Command } from "../command.js";
import { jobsOption, REGISTRY_OPTIONS, TRANSFER_OPTIONS } from "../image-options.js";
import { openRepository } from "../open-repository.js";
import { printableLine } from "../printable.js";
import { showCount } from "../progress.js";
import { printJson } from "../render/json-array.js";
import { readableBytes } from "../render/quantities.js";
import { commitOf } from "../revision-words.js";
import { PUSH_WORDS, showTransfers } from "../transfer-lines.js";

const options = {
  squash: { type: "boolean", describe: "One layer with the whole tree, in place of one for each commit" },
  ...TRANSFER_OPTIONS,
  ...REGISTRY_OPTIONS,
} as const;

export const pushCommand: Command = command(
  {
    name: "push",
    form: "REV [REFERENCE]",
    summary: "Send a commit to a registry, as an image with its history",
    description: `Sends REV as the image REFERENCE; without one REV is the image's reference, as in docker. Each commit on the way to REV becomes a layer,
as with varve save: what came in as an image goes out with the same image id, and where its compressed layers were kept with the same manifest
digest. Other layers are compressed with gzip. What the registry has is not sent again, and a transfer that is cut goes on where it was. The
tag moves when all of the image is there.`,
    words: [
      { name: "REV", required: true },
      { name: "REFERENCE", required: false },
    ],
    options,
    examples: [
      ["varve push base localhost:5000/team/base:1", "a branch"],
      ["varve push registry.lan/team/web:2", "what is called so here, as docker push"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["44", "a name that layers can't hold, or more layers than docker takes"],
    ],
  },
  async ({ words: [revision = "", target = revision], options: { squash, insecure, jobs }, session }) => {
    const { terminal, json } = session;
    const reference = parseImageReference(target);
    const atOnce = jobsOption(jobs);
    const repository = await openRepository(session);
    const commit = await commitOf(repository, revision);
    const show = showCount(terminal, "layers: ", "commit");
    const { image, skipped, isSame } = await exportImage(repository, commit, {
      references: [shortImageName(reference)],
      squash,
      compress: true,
      platform: machinePlatform(process.arch),
      onStep: (step) => show(step + 1),
    });
    show(undefined);
    for (const path of skipped)
      terminal.complain(`varve: warning: Left out ${printableLine(path)}: a layer can't hold a socket.\n`);
    const lines = showTransfers(terminal, PUSH_WORDS);
    const { digest, sentBytes } = await repository.registries.push(image, reference, {
      insecure: new Set(insecure),
      jobs: atOnce,
      onTransfer: lines.onTransfer,
    });
    lines.end();
    const name = shortImageName(reference);
    if (json)
      return printJson(terminal, {
        reference: name,
        commit,
        digest,
        image: image.config.record.digest,
        sameImage: isSame,
        sentBytes,
        skipped,
      });
    terminal.print(`${name}: digest: ${digest} size: ${image.manifest.record.size}\n`);
    terminal.say(sentBytes === 0 ? "The registry had all of its layers." : `Sent ${readableBytes(sentBytes)}.`);
  },
);
