import { VarveError } from "../../core/errors.js";
import { atOnce } from "../../core/exchange/at-once.js";
import { TRANSFERS_AT_ONCE } from "../../core/exchange/incoming-layers.js";
import { shortImageName } from "../../core/image/image-reference.js";
import type { ImageReference } from "../../core/model/image.js";
import type { RegistryOptions, RemoteTag, RemovedManifest } from "../../core/ports/registries.js";
import { interruptionSignal } from "../../core/yield-to-signals.js";
import { RegistryClient } from "./registry-client.js";

/** Where a registry has no list of what belongs to an image, a tag of such a name leads to it: nobody's name for an image. */
const REFERRERS_TAG = /^sha256-[0-9a-f]{64}$/;

/** Registries.tags. */
export function remoteTags(reference: ImageReference, options: RegistryOptions): Promise<readonly RemoteTag[]> {
  return speaking(reference, options, (client) => tagsOf(client));
}

/** Registries.remove. */
export function removeManifest(
  reference: ImageReference,
  options: RegistryOptions & { readonly force: boolean },
): Promise<RemovedManifest> {
  return speaking(reference, options, async (client) => {
    const { tag } = reference;
    const digest = reference.digest ?? (await digestOf(client, tag ?? "latest"));
    if (digest === undefined) throw unknown(reference);
    if (reference.digest === undefined && tag !== undefined && (await untagged(client, tag)))
      return { digest, isDeleted: false, tags: [tag] };
    const tags = (await tagsOf(client)).filter((each) => each.digest === digest).map((each) => each.tag);
    const others = tags.filter((each) => each !== tag);
    if (others.length > 0 && !options.force) throw othersNameIt(reference, digest, others);
    await client.deleteManifest(digest);
    return { digest, isDeleted: true, tags };
  });
}

async function speaking<Result>(
  { registry, repository }: ImageReference,
  { insecure }: RegistryOptions,
  work: (client: RegistryClient) => Promise<Result>,
): Promise<Result> {
  const client = new RegistryClient(registry, repository, { insecure, signal: interruptionSignal() });
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

async function tagsOf(client: RegistryClient): Promise<readonly RemoteTag[]> {
  const digests = new Map<string, string>();
  const tags = (await client.tags()).filter((tag) => !REFERRERS_TAG.test(tag));
  const ask = async (tag: string): Promise<void> => {
    const digest = await digestOf(client, tag);
    if (digest !== undefined) digests.set(tag, digest);
  };
  await atOnce(new Set(tags), TRANSFERS_AT_ONCE, ask, () => client.close());
  // One that went away meanwhile has none.
  return [...new Set(tags)].sort().flatMap((tag) => {
    const digest = digests.get(tag);
    return digest === undefined ? [] : [{ tag, digest }];
  });
}

/** Of a registry that does not say it the manifest itself is read. */
async function digestOf(client: RegistryClient, tag: string): Promise<string | undefined> {
  const head = await client.headManifest(tag);
  if (head === undefined || head.digest !== undefined) return head?.digest;
  return (await client.manifest(tag)).digest;
}

/** Where a tag can be taken away alone, nothing else is lost. */
async function untagged(client: RegistryClient, tag: string): Promise<boolean> {
  try {
    await client.deleteManifest(tag);
    return true;
  } catch (error) {
    if (error instanceof VarveError && error.code === "UNSUPPORTED") return false;
    throw error;
  }
}

function unknown(reference: ImageReference): VarveError {
  return new VarveError(
    "IMAGE_UNKNOWN",
    `Cannot delete ${JSON.stringify(shortImageName(reference))}: the registry has no such tag`,
    {
      hint: "See what it has with varve images --remote REPOSITORY.",
    },
  );
}

function othersNameIt(reference: ImageReference, digest: string, others: readonly string[]): VarveError {
  const named = others.slice(0, 10).join(", ");
  return new VarveError(
    "CONFLICT",
    `Cannot delete ${JSON.stringify(shortImageName(reference))}: the same manifest ${digest} is called ${named}, too`,
    { hint: "This registry deletes manifests with all of their tags. With --force those go, too." },
  );
}
