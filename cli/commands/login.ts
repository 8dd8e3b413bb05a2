import { VarveError } from "../../core/errors.js";
import { DEFAULT_REGISTRY } from "../../core/image/image-reference.js";
import { ask, askSecret, canAsk } from "../ask.js";
import { command, type Command, type Session } from "../command.js";
import { REGISTRY_OPTIONS } from "../image-options.js";
import { REGISTRIES } from "../open-repository.js";
import { printableLine } from "../printable.js";
import { printJson } from "../render/json-array.js";

const LONGEST_PASSWORD_BYTES = 1 << 16;

const options = {
  username: { type: "string", alias: "u", value: "NAME", describe: "Whose credentials (default: asked for)" },
  "password-stdin": { type: "boolean", describe: "Read the password, or a token, from stdin" },
  ...REGISTRY_OPTIONS,
} as const;

export const loginCommand: Command = command(
  {
    name: "login",
    form: "[REGISTRY] [-u NAME]",
    summary: "Keep credentials for a registry, as docker does",
    description: `Asks the registry whether it takes name and password, and keeps them where docker keeps them, ~/.docker/config.json or its credential
helper: docker finds them, and varve finds those that docker or podman have. Without REGISTRY docker.io. A password on the command line could be
seen by everybody: it is asked for, or comes through --password-stdin.`,
    words: [{ name: "REGISTRY", required: false }],
    options,
    examples: [
      ["varve login registry.lan -u alice", "asks for the password"],
      ["pass registry | varve login registry.lan -u ci --password-stdin", "in a script"],
    ],
  },
  async ({ words: [registry = DEFAULT_REGISTRY], options: given, session }) => {
    const username = given.username ?? (await asked(session, "Username:", ask));
    const password = given["password-stdin"] ? await passwordOfStdin() : await asked(session, "Password:", askSecret);
    const kept = await REGISTRIES.login(registry, { username, password }, { insecure: new Set(given.insecure) });
    if (session.json) return printJson(session.terminal, { registry, username, file: kept.file, helper: kept.helper ?? null });
    if (kept.helper === undefined)
      session.terminal.complain(
        `varve: warning: the password stands in ${printableLine(kept.file)}, for who may read that: a credential helper would keep it (docs of docker login)\n`,
      );
    session.terminal.say("Login Succeeded");
  },
);

async function asked(session: Session, question: string, by: typeof ask): Promise<string> {
  const answer = (await canAsk()) ? await by(session.terminal, question) : undefined;
  if (answer !== undefined && answer !== "") return answer;
  throw new VarveError("USAGE", `Cannot log in: there is no answer to "${question}"`, {
    hint: "Give the name with -u, and the password through --password-stdin.",
  });
}

/** One line end at its end is none of it. */
async function passwordOfStdin(): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of process.stdin) {
    pieces.push(piece as Buffer);
    bytes += (piece as Buffer).length;
    if (bytes > LONGEST_PASSWORD_BYTES)
      throw new VarveError("USAGE", `Cannot log in: the password is longer than ${LONGEST_PASSWORD_BYTES} bytes`);
  }
  return Buffer.concat(pieces)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}
