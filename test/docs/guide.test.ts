import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { normalized, Player } from "../cli/transcript.js";
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

  testIf(...requirements)(`${file}: its commands print what it says`, (t) => {
    const played = replay(text, temporaryDirectory(t));
    if (UPDATE) writeFileSync(file, played);
    else t.is(normalized(played), normalized(text));
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

function replay(text: string, home: string): string {
  const player = new Player(home);
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
