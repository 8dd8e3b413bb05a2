import { VarveError } from "../../core/errors.js";
import { exportImage, type ExportedImage } from "../../core/exchange/export-image.js";
import { machinePlatform } from "../../core/exchange/machine-platform.js";
import { isDigestReference } from "../../core/revision/ref-names.js";
import { imageName, namedByDigest, storedName } from "../../core/exchange/image-names.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { OUTGOING_PLATFORM_OPTION, platformOption } from "../image-options.js";
import { misplacedWord } from "../misplaced-word.js";
import { openRepository, sourceDateEpoch } from "../open-repository.js";
import { choiceOf } from "../option-values.js";
import { refuseArchiveOnStdout, writeOutput } from "../output-file.js";
import { printableLine } from "../printable.js";
import { showLayers } from "../progress.js";
import { printJson } from "../render/json-array.js";
import { commitOf } from "../revision-words.js";

const FORMATS = ["docker-archive", "oci-archive", "oci-dir"] as const;

const options = {
  output: {
    type: "string",
    alias: "o",
    value: "FILE",
    describe: "Write to FILE in place of stdout; with --format oci-dir a directory",
  },
  format: {
    type: "string",
    value: "FORMAT",
    describe: "docker-archive, which is an OCI layout, too; oci-archive; oci-dir (default: docker-archive)",
  },
  name: { type: "string", value: "REFERENCE", describe: "Name the image so (default: REV, as NAME:latest for a branch or tag)" },
  platform: OUTGOING_PLATFORM_OPTION,
  squash: { type: "boolean", describe: "One layer with the whole tree, in place of one for each commit" },
  strict: { type: "boolean", describe: "Fail when the form can't hold something, in place of a warning" },
} as const;

export const saveCommand: Command = command(
  {
    name: "save",
    form: "REV… [-o FILE]",
    summary: "Write commits as images: what docker and podman load, or an OCI layout",
    description: `Each commit on the way to REV, by first parents, becomes a layer with an entry of the image's history: message, author, time and,
of a run, its command; a commit that changed no file becomes an entry without a layer. "docker load" and "podman load" take the archive,
skopeo reads it as docker-archive: and as oci-archive:. What came in by varve load goes out with the same image id and the same layers,
and where compressed layers were kept with the same manifest digest. The same commit gives the same bytes. A layer can't hold sockets,
which are left out with a warning, nor names that begin with ".wh.", which are refused. With SOURCE_DATE_EPOCH no date of config and history
is later, but for those of an image that goes out as it came.`,
    words: [{ name: "REV", required: true, many: true }],
    options,
    examples: [
      ["varve save base -o base.tar && docker load -i base.tar", "a branch, as the image base:latest"],
      ["varve save web --name team/web:1 | ssh host podman load", "under another name, through a pipe"],
      ["varve save web --format oci-dir -o layout", "for skopeo and umoci: oci:layout:latest"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["40", "a commit for another platform than --platform"],
      ["44", "a name that layers can't hold, or more layers than docker takes"],
    ],
  },
  async ({ words, options: given, session }) => {
    const format = given.format === undefined ? FORMATS[0] : choiceOf("--format", given.format, FORMATS);
    const output = outputOf(given.output, format, session);
    if (given.name !== undefined && words.length > 1)
      throw new VarveError("USAGE", `Cannot name ${words.length} images "${given.name}": a name is one image's`);
    const options = { ...given, platform: platformOption(given.platform), latest: sourceDateEpoch() };
    const repository = await openRepository(session);
    const images = await exportAll(repository, words, options, session).catch((error: unknown) => {
      throw output === undefined ? withFile(error, words) : error;
    });
    const all = images.map(({ image }) => image);
    const { writeArchive, writeLayout } = repository.images;
    if (output === undefined) return writeArchive(all, async (chunk) => session.terminal.write(chunk), format !== "oci-archive");
    if (format === "oci-dir") await writeLayout(all, output);
    else await writeOutput(output, (write) => writeArchive(all, write, format !== "oci-archive"));
    report(session, images, output);
  },
);

/** A last word that is no revision is taken for the file that it most often is. */
function withFile(error: unknown, words: readonly string[]): unknown {
  const file = words.at(-1) ?? "";
  const isFile = words.length > 1 && /\/|\.(?:tar|tgz|t[gx]z|gz|zst|xz)$/.test(file);
  return isFile ? misplacedWord(error, ["save", ...words.slice(0, -1), "-o", file]) : error;
}

/** @returns `undefined` for stdout. */
function outputOf(output: string | undefined, format: string, session: Session): string | undefined {
  if (output !== undefined && output !== "-") return output;
  if (format === "oci-dir")
    throw new VarveError("USAGE", "Cannot write a directory to stdout: wanted -o DIR", {
      hint: "A layout as one file: --format oci-archive.",
    });
  refuseArchiveOnStdout(session, "varve save REV");
  return undefined;
}

/** Archives have images by names with a tag. */
function nameWithTag(name: string): string {
  const stored = storedName(name);
  if (!isDigestReference(stored)) return stored;
  throw namedByDigest(stored);
}

interface SaveOptions {
  readonly name: string | undefined;
  readonly platform: string | undefined;
  readonly latest: number | undefined;
  readonly squash: boolean;
  readonly strict: boolean;
}

async function exportAll(
  repository: Repository,
  words: readonly string[],
  { name, platform, latest, squash, strict }: SaveOptions,
  { terminal }: Session,
): Promise<readonly ExportedImage[]> {
  const images: ExportedImage[] = [];
  for (const word of words) {
    const commit = await commitOf(repository, word);
    const references = name === undefined ? imageName(word) : [nameWithTag(name)];
    const exported = await exportImage(repository, commit, {
      references,
      squash,
      platform: machinePlatform(process.arch),
      wantedPlatform: platform,
      latest,
      onStep: showLayers(terminal, "making "),
    });
    terminal.progress("");
    if (strict && exported.skipped.length > 0) throw lossy(exported.skipped);
    for (const path of exported.skipped)
      terminal.complain(`varve: warning: Left out ${printableLine(path)}: a layer can't hold a socket.\n`);
    images.push(exported);
  }
  return images;
}

function report({ terminal, json }: Session, images: readonly ExportedImage[], output: string): void {
  if (json) return printJson(terminal, { file: output, images: images.map(imageJson) });
  for (const { image, isSame } of images) {
    const name = image.references[0] ?? image.config.record.digest;
    terminal.say(
      `Wrote ${printableLine(name)} to ${output}: image id ${image.config.record.digest.slice(0, 19)}${isSame ? ", as it came" : ""}`,
    );
  }
}

function imageJson({ image, skipped, isSame }: ExportedImage): Record<string, unknown> {
  const { references, config, manifest, layers } = image;
  return {
    references,
    image: config.record.digest,
    manifest: manifest.record.digest,
    layers: layers.map(({ record }) => record),
    sameImage: isSame,
    skipped,
  };
}

function lossy(skipped: readonly string[]): VarveError {
  return new VarveError("UNSUPPORTED", `Cannot save: a layer can't hold a socket, and ${skipped.length} would be left out`, {
    path: skipped[0],
    hint: "Leave out --strict to save without them.",
  });
}
