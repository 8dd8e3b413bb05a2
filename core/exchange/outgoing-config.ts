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

/** A commit's entry of the history. That of an image comes back as it was. @param isEmpty Whether the commit has no layer of its own. */
export function historyEntry({ image, author, message, origin }: Commit, isEmpty: boolean): Fields {
  const { empty_layer: _, ...entry } = image?.history ?? {
    created: timeOf(author),
    ...(origin !== undefined && { created_by: origin.command.join(" ") }),
    author: personOf(author),
    comment: message,
  };
  return { ...entry, ...(isEmpty && { empty_layer: true }) };
}

/** The image's config: what the commit's says, with the layers and the history that go out. Keys stand in the order in which Go's tools write them. */
export function imageConfig(
  { author, config }: Commit,
  platform: Platform,
  { diffIds, history }: { readonly diffIds: readonly BlobDigest[]; readonly history: readonly Fields[] },
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
  return {
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
}

function timeOf({ seconds }: Signature): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

function personOf({ name, email }: Signature): string {
  return email === "" ? name : `${name} <${email}>`;
}
