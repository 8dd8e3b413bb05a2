import { DEFAULT_REGISTRY } from "../../core/image/image-reference.js";
import { command, type Command } from "../command.js";
import { REGISTRIES } from "../open-repository.js";
import { printableLine } from "../printable.js";
import { printJson } from "../render/json-array.js";

export const logoutCommand: Command = command(
  {
    name: "logout",
    form: "[REGISTRY]",
    summary: "Forget the credentials for a registry",
    description: `Removes them from where docker keeps them, for docker, too. Without REGISTRY docker.io.`,
    words: [{ name: "REGISTRY", required: false }],
    options: {},
    examples: [["varve logout registry.lan", "docker has them no more, either"]],
  },
  async ({ words: [registry = DEFAULT_REGISTRY], session: { terminal, json } }) => {
    const wasKept = await REGISTRIES.logout(registry);
    if (json) return printJson(terminal, { registry, removed: wasKept });
    terminal.say(
      wasKept
        ? `Removed the credentials for ${printableLine(registry)}`
        : `There were no credentials for ${printableLine(registry)}`,
    );
  },
);
