import { availableParallelism } from "node:os";
import { VarveError } from "../../core/errors.js";
import { exportImage } from "../../core/exchange/export-image.js";
import { TRANSFERS_AT_ONCE } from "../../core/exchange/incoming-layers.js";
import { machinePlatform } from "../../core/exchange/machine-platform.js";
import { historyOfImage } from "../../core/exchange/history/outgoing-history.js";
import { parseImageReference, shortImageName } from "../../core/image/image-reference.js";
import type { CommitId } from "../../core/model/ids.js";
import type { OutgoingHistory } from "../../core/ports/histories.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { jobsOption, OUTGOING_PLATFORM_OPTION, platformOption, REGISTRY_OPTIONS, TRANSFER_OPTIONS } from "../image-options.js";
import { misplacedWord } from "../misplaced-word.js";
import { openRepository, sourceDateEpoch } from "../open-repository.js";
import { isRevision } from "../open-target.js";
import { printableLine } from "../printable.js";
import { showLayers } from "../progress.js";
import { printJson } from "../render/json-array.js";
import { counted, readableBytes } from "../render/quantities.js";
import { commitOf } from "../revision-words.js";
import { PUSH_WORDS, showTransfers, tellSetbacks } from "../transfer-lines.js";

const options = {
  squash: { type: "boolean", describe: "One layer with the whole tree, in place of one for each commit; without history" },
  all: { type: "boolean", describe: "Let every branch and tag travel with the image, for varve clone" },
  history: { type: "boolean", describe: "Send the history also with --squash, and where layers of other branches go along" },
  "no-history": { type: "boolean", describe: "Send the image alone" },
  platform: OUTGOING_PLATFORM_OPTION,
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
tag moves when all of the image is there. SOURCE_DATE_EPOCH counts as for varve save. Beside the image goes its history, as an artifact that docker does not look at: with it varve pull and varve
clone give back the same commits, trees and layers, of merges too, and the branch or tag that REV names. It is left out where layers borrow from
layers of other branches, which would go along.`,
    words: [
      { name: "REV", required: true },
      { name: "REFERENCE", required: false },
    ],
    options,
    examples: [
      ["varve push base localhost:5000/team/base:1", "a branch"],
      ["varve push main registry.lan/team/web:2 --all", "all branches of the store, for varve clone"],
      ["varve push registry.lan/team/web:2", "what is called so here, as docker push"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["44", "a name that layers can't hold, or more layers than docker takes"],
    ],
  },
  async ({ words: [revision = "", target = revision], options: { squash, insecure, jobs, ...given }, session }) => {
    const { terminal, json } = session;
    const reference = parseImageReference(target);
    const atOnce = jobsOption(jobs);
    const repository = await openRepository(session);
    const commit = await pushedCommit(session, repository, revision, target);
    const { image, skipped, isSame } = await exportImage(repository, commit, {
      references: [shortImageName(reference)],
      squash,
      compress: true,
      jobs: Math.min(availableParallelism(), atOnce ?? TRANSFERS_AT_ONCE),
      platform: machinePlatform(process.arch),
      wantedPlatform: platformOption(given.platform),
      latest: sourceDateEpoch(),
      onStep: showLayers(terminal, "compressing "),
    });
    terminal.progress("");
    for (const path of skipped)
      terminal.complain(`varve: warning: Left out ${printableLine(path)}: a layer can't hold a socket.\n`);
    const history = await historyFor(session, repository, commit, { ...given, revision, squash });
    const lines = showTransfers(terminal, PUSH_WORDS);
    const pushed = repository.registries.push(image, reference, {
      insecure: new Set(insecure),
      onSetback: tellSetbacks(terminal),
      history,
      jobs: atOnce,
      onTransfer: lines.onTransfer,
    });
    const { digest, replaced, sentBytes, historyDigest, historyFault } = await pushed.finally(() => history?.close());
    lines.end();
    if (historyFault !== undefined) terminal.complain(`varve: warning: Pushed without history: ${printableLine(historyFault)}\n`);
    const name = shortImageName(reference);
    if (json)
      return printJson(terminal, {
        reference: name,
        commit,
        digest,
        image: image.config.record.digest,
        sameImage: isSame,
        history: historyDigest ?? null,
        replaced: replaced ?? null,
        sentBytes,
        skipped,
      });
    terminal.print(`${name}: digest: ${digest} size: ${image.manifest.record.size}\n`);
    if (replaced !== undefined)
      terminal.say(
        `The tag named another image before, which is still there: ${shortImageName({ ...reference, tag: undefined, digest: replaced })}`,
      );
    terminal.say(sentBytes === 0 ? "The registry had all of its layers." : `Sent ${readableBytes(sentBytes)}.`);
  },
);

/** Git's push names the place first. */
async function pushedCommit(session: Session, repository: Repository, revision: string, target: string): Promise<CommitId> {
  try {
    return await commitOf(repository, revision);
  } catch (error) {
    throw target !== revision && (await isRevision(session, target)) ? misplacedWord(error, ["push", target, revision]) : error;
  }
}

interface HistoryChoice {
  readonly revision: string;
  readonly squash: boolean;
  readonly all: boolean;
  readonly history: boolean;
  readonly "no-history": boolean;
}

async function historyFor(
  { terminal }: Session,
  repository: Repository,
  commit: CommitId,
  { revision, squash, all, history: force, "no-history": leaveOut }: HistoryChoice,
): Promise<OutgoingHistory | undefined> {
  if (leaveOut && (force || all))
    throw new VarveError("USAGE", `Cannot push: --no-history and ${force ? "--history" : "--all"} contradict each other`);
  // Whoever makes one layer of all may want to show no more than that.
  if (leaveOut || (squash && !force && !all)) return undefined;
  try {
    const { selection, history } = await historyOfImage(repository, commit, {
      revision,
      all,
      force,
      onLayer: showLayers(terminal, "compressing the history: "),
    });
    terminal.progress("");
    const layers = counted(selection.lenders.size, "layer");
    if (history === undefined)
      terminal.complain(
        `varve: warning: Pushed without history: ${layers} of other branches would go along, from which it borrows; --history sends them, too\n`,
      );
    return history;
  } catch (error) {
    if (force || all || !(error instanceof VarveError) || error.code !== "UNSUPPORTED") throw error;
    terminal.complain(`varve: warning: Pushed without history: ${printableLine(error.message)}\n`);
    return undefined;
  }
}
