import { VarveError } from "../errors.js";
import type { Commit, ImageConfig, Signature } from "../model/commit.js";
import type { BlobDigest } from "../model/image.js";

/** As Go names them: `linux`, `amd64`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** What the config says the image is for; where it says nothing, what `own` says. */
export function platformOf(config: ImageConfig | undefined, own: Platform): Platform {
  const { os, architecture, variant } = config ?? {};
  if (typeof architecture !== "string" || architecture === "") return own;
  return {
    os: typeof os === "string" && os !== "" ? os : own.os,
    architecture,
    ...(typeof variant === "string" && variant !== "" && { variant }),
  };
}

/**
 * What a commit is for. @param wanted `os/architecture[/variant]`: what it has to be for. One that does not say for what it is, is for that.
 * @throws VarveError SOURCE_MISSING when it is for another.
 */
export function requirePlatform({ id, config }: Commit, wanted: string): Platform {
  const [os = "", architecture = "", variant] = wanted.split("/");
  const platform = platformOf(config, { os, architecture, ...(variant !== undefined && { variant }) });
  const isWanted = platform.os === os && platform.architecture === architecture;
  if (isWanted && (variant === undefined || variant === platform.variant)) return platform;
  const own = [platform.os, platform.architecture, platform.variant].filter((part) => part !== undefined).join("/");
  throw new VarveError("SOURCE_MISSING", `Cannot make an image for ${wanted}: commit ${id.slice(0, 10)} is for ${own}`, {
    hint: "Of an image for several platforms `varve pull` and `varve load` take the one of their --platform; a name of its own for each keeps both: --name.",
  });
}

/**
 * A commit's entry of the history. That of an image comes back as it was.
 * @param isEmpty Whether the commit has no layer of its own. @param latest Seconds since 1970: no date is later.
 */
export function historyEntry({ image, author, message, origin }: Commit, isEmpty: boolean, latest?: number): Fields {
  const { empty_layer: _, ...entry } = image?.history ?? {
    created: timeOf(author),
    ...(origin !== undefined && { created_by: origin.command.join(" ") }),
    author: personOf(author),
    comment: message,
  };
  return clamped({ ...entry, ...(isEmpty && { empty_layer: true }) }, latest);
}

/** The image's config: what the commit's says, with the layers and the history that go out. Keys stand in the order in which Go's tools write them. */
export function imageConfig(
  { author, config }: Commit,
  platform: Platform,
  {
    diffIds,
    history,
    latest,
  }: { readonly diffIds: readonly BlobDigest[]; readonly history: readonly Fields[]; readonly latest?: number | undefined },
): Fields {
  const {
    created: _,
    author: __,
    architecture: ___,
    os: ____,
    variant: _____,
    config: process,
    rootfs: ______,
    history: _______,
    ...others
  } = config ?? {};
  const { os, architecture, variant } = platformOf(config, platform);
  const made = {
    created: timeOf(author),
    author: personOf(author),
    architecture,
    ...(variant !== undefined && { variant }),
    os,
    config: process ?? {},
    ...others,
    rootfs: { type: "layers", diff_ids: diffIds },
    history,
  };
  return clamped(made, latest);
}

/** Another date than ours may have any form; one that can't be read stays. */
function clamped(fields: Fields, latest: number | undefined): Fields {
  const created = Date.parse(String(fields["created"]));
  return latest !== undefined && created > latest * 1000 ? { ...fields, created: timeOf({ seconds: latest }) } : fields;
}

/** The last second of 9999: what stands for a date in an image has four digits for its year, and git's commits have any. */
const LAST_SECOND = 253_402_300_799;

function timeOf({ seconds }: Pick<Signature, "seconds">): string {
  return new Date(Math.min(seconds, LAST_SECOND) * 1000).toISOString().replace(".000Z", "Z");
}

function personOf({ name, email }: Signature): string {
  return email === "" ? name : `${name} <${email}>`;
}
