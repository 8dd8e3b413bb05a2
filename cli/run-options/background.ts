import { VarveError } from "../../core/errors.js";
import { RESTART_NAMES, type Background, type RestartPolicy } from "../../core/ports/containers.js";
import type { OptionValues } from "../command.js";
import { bytesOf, countOf } from "../option-values.js";

/** The options of what runs in the background: docker's names. */
export const BACKGROUND_OPTIONS = {
  restart: {
    type: "string",
    value: "no|always|unless-stopped|on-failure[:N]",
    describe: "When it ends, start it again, but not after varve stop (default: no)",
  },
  "log-opt": {
    type: "string",
    array: true,
    value: "max-size=SIZE",
    describe: "Begin the log of its output anew when it has SIZE",
  },
} as const;

type BackgroundValues = OptionValues<typeof BACKGROUND_OPTIONS>;

/** @param removed --rm. @throws VarveError USAGE. */
export function backgroundOf({ restart, "log-opt": logOptions }: BackgroundValues, removed: boolean): Background {
  const policy = policyOf(restart ?? "no");
  if (removed && policy.name !== "no") {
    throw new VarveError(
      "USAGE",
      `Cannot use --restart ${policy.name} with --rm: what is removed at its end can't be started again`,
    );
  }
  return { restart: policy, ...(removed ? { removed: true } : {}), ...logBytesOf(logOptions) };
}

/** @throws VarveError USAGE when one of them is given for what runs in the foreground. */
export function refuseBackgroundOptions({ restart, "log-opt": logOptions }: BackgroundValues): void {
  const given = restart !== undefined ? "--restart" : logOptions.length > 0 ? "--log-opt" : undefined;
  if (given === undefined) return;
  throw new VarveError("USAGE", `Cannot use ${given} in the foreground: it is for containers in the background`, {
    hint: "Give -d, too.",
  });
}

function policyOf(text: string): RestartPolicy {
  const [name = "", most, ...rest] = text.split(":");
  if (!RESTART_NAMES.includes(name) || rest.length > 0 || (most !== undefined && name !== "on-failure")) {
    throw new VarveError(
      "USAGE",
      `Cannot read --restart "${text}": wanted no, always, unless-stopped, on-failure or on-failure:N`,
    );
  }
  return { name, ...(most === undefined ? {} : { most: countOf("--restart on-failure:", most) }) } as RestartPolicy;
}

function logBytesOf(options: readonly string[]): { readonly logBytes?: number } {
  let found: { logBytes?: number } = {};
  for (const option of options) {
    const [, size] = /^max-size=(.*)$/.exec(option) ?? [];
    if (size === undefined) {
      throw new VarveError("USAGE", `Cannot read --log-opt "${option}": wanted max-size=SIZE, such as max-size=10m`);
    }
    found = { logBytes: bytesOf("--log-opt max-size", size) };
  }
  return found;
}
