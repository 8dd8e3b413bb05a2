import { posix } from "node:path";
import { VarveError } from "../errors.js";
import type { ImageConfig } from "../model/commit.js";

/** What an image's config says of a process that is started on it. What it leaves open is absent, or empty. */
export interface ImageProcess {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  /** `NAME=value`. */
  readonly environment: readonly string[];
  /** Absolute. */
  readonly workingDirectory: string | undefined;
  /** `user[:group]`. */
  readonly user: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** `80/tcp`. */
  readonly exposedPorts: readonly string[];
  /** Absolute. */
  readonly volumes: readonly string[];
  /** As it stands there: `SIGQUIT`, or a number. */
  readonly stopSignal: string | undefined;
  /** As Go names them: `linux`, `amd64`. */
  readonly platform: { readonly os: string; readonly architecture: string } | undefined;
}

/**
 * Reads a config as hostile text: what a process is started with is of the wanted type, or nothing is started. Absent, `null` and empty are
 * the same to OCI.
 *
 * @throws VarveError SOURCE_INVALID.
 */
export function readImageConfig(config: ImageConfig | undefined): ImageProcess {
  const process = objectAt(config ?? {}, "config");
  const { os, architecture } = { os: textAt(config ?? {}, "os"), architecture: textAt(config ?? {}, "architecture") };
  const directory = textAt(process, "WorkingDir");
  return {
    entrypoint: textsAt(process, "Entrypoint"),
    command: textsAt(process, "Cmd"),
    environment: textsAt(process, "Env").filter((setting) => /^[^=]+=/.test(setting)),
    workingDirectory: directory === undefined ? undefined : posix.resolve("/", directory),
    user: textAt(process, "User"),
    labels: labelsIn(process),
    exposedPorts: Object.keys(objectAt(process, "ExposedPorts")),
    volumes: Object.keys(objectAt(process, "Volumes"))
      .filter((place) => place !== "" && isText(place))
      .map((place) => posix.resolve("/", place)),
    stopSignal: textAt(process, "StopSignal"),
    platform: architecture === undefined ? undefined : { os: os ?? "linux", architecture },
  };
}

/**
 * Docker's rule: words of the command line replace the image's Cmd, and an entrypoint of the command line replaces the image's, with its Cmd.
 * An empty one takes the image's away.
 *
 * @returns Nothing where nobody names a program.
 */
export function commandOn(
  image: Pick<ImageProcess, "entrypoint" | "command">,
  given: { readonly entrypoint: string | undefined; readonly words: readonly string[] },
): readonly string[] {
  if (given.entrypoint !== undefined) return [...(given.entrypoint === "" ? [] : [given.entrypoint]), ...given.words];
  return [...image.entrypoint, ...(given.words.length > 0 ? given.words : image.command)];
}

type Values = Readonly<Record<string, unknown>>;

function objectAt(values: Values, key: string): Values {
  const value = ownValue(values, key) ?? {};
  if (typeof value !== "object" || Array.isArray(value)) throw invalid(key, "no object");
  return value as Values;
}

function textAt(values: Values, key: string): string | undefined {
  const value = ownValue(values, key) ?? "";
  if (!isText(value)) throw invalid(key, "no text");
  return value === "" ? undefined : value;
}

function textsAt(values: Values, key: string): readonly string[] {
  const value = ownValue(values, key) ?? [];
  if (!Array.isArray(value) || !value.every(isText)) throw invalid(key, "no list of texts");
  return value;
}

function labelsIn(values: Values): Readonly<Record<string, string>> {
  const labels = objectAt(values, "Labels");
  const entries = Object.entries(labels);
  if (!entries.every(([, value]) => isText(value))) throw invalid("Labels", "not texts by name");
  return Object.fromEntries(entries) as Record<string, string>;
}

function ownValue(values: Values, key: string): unknown {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

/** A NUL would end a C string early. */
function isText(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}

function invalid(key: string, state: string): VarveError {
  return new VarveError("SOURCE_INVALID", `Cannot read the commit's image config: its "${key}" is ${state}`, {
    hint: "Set it anew with --change of varve import or varve commit.",
  });
}
