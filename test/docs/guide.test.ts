import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { normalized, Player, type Stage } from "../cli/transcript.js";
import { startDocker } from "../helpers/local-docker.js";
import { startRegistry } from "../helpers/local-registry.js";
import { networkRoom } from "../helpers/network-room.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";

const GUIDE = "docs/guide";
/** `VARVE_UPDATE=1 npx ava build/test/docs/guide.test.js` writes what the commands print now: read the difference before you commit it. */
const UPDATE = Boolean(process.env["VARVE_UPDATE"]);

/** A block of a terminal, played by the test: commands behind `$ `, and below each what it prints. */
const CONSOLE = /^```console\n(.*?)^```$/gms;
/** What a pipeline of a CI service does: each line of a script must stand on the page as a command, too. */
const PIPELINE = /^```yaml\n(.*?)^```$/gms;

const pages = readdirSync(GUIDE, "utf8").filter((name) => name.endsWith(".md") && name !== "README.md");

for (const page of pages) {
  const file = path.join(GUIDE, page);
  const text = readFileSync(file, "utf8");
  const requirements = /^<!-- requires: (.*) -->$/m.exec(text)?.[1]?.split(" ") ?? [];

  testIf(...requirements)(`${file}: its commands print what it says`, async (t) => {
    const home = temporaryDirectory(t);
    const played = replay(text, new Player(home, await stageFor(t, requirements)));
    if (UPDATE) writeFileSync(file, played);
    else t.is(withoutClock(normalized(played)), withoutClock(normalized(text)));
    t.true(commandsOf(text).length > 0);
  });

  test(`${file}: what its pipelines run, the page runs too`, (t) => {
    const commands = new Set(commandsOf(text));
    const scripts = [...text.matchAll(PIPELINE)].flatMap(([, block = ""]) => scriptLines(block));
    t.deepEqual(
      scripts.filter((line) => line.startsWith("varve ") && !commands.has(line)),
      [],
    );
  });
}

test(`${GUIDE}/README.md leads to each page`, (t) => {
  const index = readFileSync(path.join(GUIDE, "README.md"), "utf8");
  t.deepEqual(
    pages.filter((page) => !index.includes(`](${page})`)),
    [],
  );
});

/** A page that needs them has a docker of its own and a registry at localhost:5000, in a network namespace where nobody else is. */
async function stageFor(t: ExecutionContext, requirements: readonly string[]): Promise<Stage | undefined> {
  if (!requirements.includes("docker-registry")) return undefined;
  const room = networkRoom(t, temporaryDirectory(t));
  await startRegistry(t, { room });
  if (!requirements.includes("docker-daemon")) return { words: room.words, environment: {} };
  const { address } = await startDocker(t, room);
  return { words: room.words, environment: { DOCKER_HOST: address } };
}

/** docker gives its images the time that it is, and files have theirs: how short they compress varies. What varve makes here has a time that stands still. */
function withoutClock(text: string): string {
  const withoutSizes = text.replace(/\b\d[\d.]* ?[KMG]?i?B(?![\w-])|(?<= size: )\d+/g, "<size>");
  return withoutSizes.replace(/\b(?!2001)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000/g, "<time>");
}

function replay(text: string, player: Player): string {
  return text.replace(CONSOLE, (_, block: string) => `\`\`\`console\n${playBlock(block, player)}\`\`\``);
}

function playBlock(block: string, player: Player): string {
  return commandLines(block)
    .map((line) => `$ ${line}\n${player.playOn(line).replaceAll("<home>/here", "/home/you")}`)
    .join("");
}

function commandsOf(text: string): readonly string[] {
  return [...text.matchAll(CONSOLE)].flatMap(([, block = ""]) => commandLines(block));
}

/** A command goes on behind a backslash at a line's end. */
function commandLines(block: string): readonly string[] {
  return [...block.matchAll(/^\$ ((?:.*\\\n)*.*)$/gm)].map(([, line = ""]) => line);
}

/** Lines of a YAML list or block that could be commands: without the dash or the key in front. */
function scriptLines(block: string): readonly string[] {
  return block.split("\n").map((line) => line.trim().replace(/^(- )?(run: )?/, ""));
}
