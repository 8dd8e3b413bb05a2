import { VarveError } from "../core/errors.js";
import { choiceOf, countOf } from "./option-values.js";

/** Compressed layers of larger images are not kept beside the layers that were made of them. */
const KEPT_BYTES = 256 * 1024 * 1024;

/** Of commands that bring images in. */
export const INCOMING_IMAGE_OPTIONS = {
  platform: {
    type: "string",
    value: "OS/ARCH",
    describe: "Of an image for several platforms that one (default: this machine's)",
  },
  name: { type: "string", value: "REFERENCE", describe: "Name the image so, whatever it is called there" },
  branch: { type: "string", alias: "b", value: "BRANCH", describe: "Make a branch at the image, too" },
  "keep-blobs": {
    type: "string",
    value: "always|never",
    describe: "Keep compressed layers as they came, for the same manifest digest (default: up to 256 MiB an image)",
  },
} as const;

/** Of commands that give images out. */
export const OUTGOING_PLATFORM_OPTION = {
  type: "string",
  value: "OS/ARCH",
  describe: "Fail for a commit that is for another; of one that does not say, what it is for",
} as const;

/** Of commands that speak to registries. */
export const REGISTRY_OPTIONS = {
  insecure: {
    type: "string",
    value: "HOST",
    array: true,
    describe: "Speak to that registry without TLS if it has none (one of this machine needs no such word)",
  },
} as const;

/** Of commands that transfer layers. */
export const TRANSFER_OPTIONS = {
  jobs: { type: "string", alias: "j", value: "N", describe: "Transfer so many layers at once (default: 4)" },
} as const;

/** More gain nothing, and registries begin to refuse them. */
const MOST_JOBS = 32;

/** @throws VarveError USAGE. */
export function jobsOption(given: string | undefined): number | undefined {
  const jobs = given === undefined ? undefined : countOf("--jobs", given);
  if (jobs === undefined || jobs <= MOST_JOBS) return jobs;
  throw new VarveError("USAGE", `Cannot read --jobs "${given ?? ""}": wanted at most ${MOST_JOBS}`);
}

/** @throws VarveError USAGE. */
export function keptBytes(given: string | undefined): number {
  if (given === undefined) return KEPT_BYTES;
  return choiceOf("--keep-blobs", given, ["always", "never"]) === "always" ? Infinity : -1;
}

/** @throws VarveError USAGE. */
export function platformOption(given: string | undefined): string | undefined {
  if (given === undefined || /^[a-z0-9._-]+\/[a-z0-9._-]+(\/[a-z0-9._-]+)?$/i.test(given)) return given;
  throw new VarveError("USAGE", `Cannot read --platform "${given}": wanted OS/ARCH or OS/ARCH/VARIANT, such as linux/arm64`);
}
