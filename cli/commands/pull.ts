import { pullImage } from "../../core/exchange/load-images.js";
import { parseImageReference } from "../../core/image/image-reference.js";
import { branchRef } from "../../core/revision/ref-names.js";
import { command, type Command } from "../command.js";
import {
  INCOMING_IMAGE_OPTIONS,
  jobsOption,
  keptBytes,
  platformOption,
  REGISTRY_OPTIONS,
  TRANSFER_OPTIONS,
} from "../image-options.js";
import { openRepository } from "../open-repository.js";
import { showLayers, showProgress } from "../progress.js";
import { reportImages } from "../render/loaded-image.js";
import { PULL_WORDS, showTransfers, tellSetbacks } from "../transfer-lines.js";

const options = {
  "no-history": { type: "boolean", describe: "Take the image alone, though varve pushed its history with it" },
  ...INCOMING_IMAGE_OPTIONS,
  ...TRANSFER_OPTIONS,
  ...REGISTRY_OPTIONS,
} as const;

export const pullCommand: Command = command(
  {
    name: "pull",
    form: "REFERENCE [-b BRANCH]",
    summary: "Bring an image in from a registry, with its history",
    description: `Each entry of the image's history becomes a commit, and the reference names the last one, as with varve load: "varve log REFERENCE"
shows how it was made, "varve run REFERENCE -- CMD" runs on it. REFERENCE is docker's: debian:12 is docker.io/library/debian:12, and no tag is
latest. Layers that the store has are not transferred, others side by side. Everything is checked by its digest while it comes; a transfer that is cut goes on where
it was. Of an image that varve pushed come the commits that it was made of, with the same ids, trees and layers; the image is made again of them and
must have the same id. No branch moves: varve clone takes branches. Credentials are docker's and podman's: varve login. TLS, but for registries of this machine and those that --insecure names.`,
    words: [{ name: "REFERENCE", required: true }],
    options,
    examples: [
      ["varve pull debian:12 -b base", "an image, and a branch to go on from"],
      ["varve pull localhost:5000/team/web:1", "from a registry of this machine, without TLS"],
      ["varve pull registry.lan/web@sha256:…", "by digest, which is its name then: varve run registry.lan/web@sha256:… -- CMD"],
      ["varve pull registry.lan/web@sha256:… --name web:1", "the same, under a name of one's own"],
    ],
    statuses: [["30", "the branch exists"]],
  },
  async ({ words: [word = ""], options: given, session }) => {
    const reference = parseImageReference(word);
    const branch = given.branch === undefined ? undefined : branchRef(given.branch);
    const platform = platformOption(given.platform);
    const repository = await openRepository(session, { make: true });
    const progress = { step: 0, steps: 0 };
    const lines = showTransfers(session.terminal, PULL_WORDS);
    const show = showProgress({ progress: lines.note }, () => `step ${progress.step + 1} of ${progress.steps}: `);
    const pulled = await pullImage(repository, reference, {
      command: session.typed,
      platform,
      reference: given.name,
      branch,
      keepBytes: keptBytes(given["keep-blobs"]),
      insecure: new Set(given.insecure),
      onSetback: tellSetbacks(session.terminal),
      history: !given["no-history"],
      onLayer: showLayers(session.terminal),
      jobs: jobsOption(given.jobs),
      observe: show,
      onTransfer: lines.onTransfer,
      onStep: (step, steps) => Object.assign(progress, { step, steps }),
    });
    lines.end();
    await reportImages(session, "Pulled image", [pulled]);
  },
);
