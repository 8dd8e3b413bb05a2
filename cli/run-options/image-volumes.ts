import { VarveError } from "../../core/errors.js";
import type { ImageProcess } from "../../core/image/read-image-config.js";
import type { RunConfiguration } from "../../core/ports/containers.js";
import type { OptionValues } from "../command.js";
import { anonymousVolume } from "./mounts.js";

/** What becomes of the places that an image calls volumes: podman's option. */
export const IMAGE_VOLUME_OPTION = {
  "image-volume": {
    type: "string",
    value: "ignore|bind|tmpfs",
    describe: "The image's VOLUMEs: part of the tree (the default), volumes without a name, or directories in memory",
  },
} as const;

type Handling = Partial<Pick<RunConfiguration, "volumes" | "tmpfs">>;
/** Programs may stand in a place of the tree. */
const TMPFS_WORDS = ["exec", "tmpcopyup"];

const HANDLINGS: Readonly<Record<string, (places: readonly string[]) => Handling>> = {
  ignore: () => ({}),
  bind: (places) => ({ volumes: places.map((destination) => anonymousVolume({ destination, readOnly: false })) }),
  tmpfs: (places) => ({ tmpfs: places.map((destination) => ({ destination, options: TMPFS_WORDS })) }),
};

/** What a person has mounted on such a place stands in its stead. @throws VarveError USAGE, SOURCE_INVALID. */
export function withImageVolumes(
  configuration: RunConfiguration,
  image: Pick<ImageProcess, "volumes">,
  { "image-volume": word = "ignore" }: OptionValues<typeof IMAGE_VOLUME_OPTION>,
): RunConfiguration {
  const handling = Object.hasOwn(HANDLINGS, word) ? HANDLINGS[word] : undefined;
  if (handling === undefined)
    throw new VarveError("USAGE", `Cannot read --image-volume "${word}": wanted ${Object.keys(HANDLINGS).join(", ")}`);
  const { volumes, tmpfs = [] } = configuration;
  const taken = new Set([...volumes, ...tmpfs].map(({ destination }) => destination));
  const places = [...new Set(image.volumes)].filter((place) => !taken.has(place));
  const made = handling(places);
  if (Object.keys(made).length > 0 && places.includes("/")) throw wholeTree();
  return {
    ...configuration,
    volumes: [...volumes, ...(made.volumes ?? [])],
    ...(tmpfs.length > 0 || (made.tmpfs ?? []).length > 0 ? { tmpfs: [...tmpfs, ...(made.tmpfs ?? [])] } : {}),
  };
}

function wholeTree(): VarveError {
  return new VarveError("SOURCE_INVALID", 'Cannot make the image\'s volumes: one of them is "/", the whole tree', {
    hint: "Leave --image-volume out: then what is written stands in the tree.",
  });
}
