import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { helpOf } from "../../cli/command-help.js";
import type { OptionTable } from "../../cli/command.js";
import { ALIASES, COMMANDS } from "../../cli/command-table.js";
import { GLOBAL_OPTIONS } from "../../cli/global-options.js";
import { mainHelp } from "../../cli/main-help.js";

const PAGES = "docs/commands";
/** `VARVE_UPDATE=1 npx ava build/test/cli/command-pages.test.js` writes the pages anew. */
const UPDATE = Boolean(process.env["VARVE_UPDATE"]);

const pages: readonly (readonly [file: string, text: () => Promise<string>])[] = [
  ["varve.md", async () => page("varve", mainHelp())],
  ...Object.entries(COMMANDS).map(
    ([name, { load }]) => [`varve-${name}.md`, async () => page(`varve ${name}`, helpOf(await load()))] as const,
  ),
];

for (const [file, text] of pages) {
  test(`${PAGES}/${file} holds what --help prints`, async (t) => {
    const wanted = await text();
    if (UPDATE) writeFileSync(path.join(PAGES, file), wanted);
    t.is(readFileSync(path.join(PAGES, file), "utf8"), wanted);
  });
}

test("each page in docs/commands is of a command", (t) => {
  t.deepEqual(readdirSync(PAGES, "utf8").sort(), pages.map(([file]) => file).sort());
});

for (const [name, { load, summary }] of Object.entries(COMMANDS)) {
  test(`varve ${name} describes itself as the table of commands does, and has examples that begin with its name`, async (t) => {
    const command = await load();
    t.is(command.name, name);
    t.is(command.summary, summary);
    t.true(command.examples.length > 0);
    for (const [line] of command.examples) t.regex(line, new RegExp(`varve (\\S+ \\S+ )?(${name}|rollback)\\b`));
  });

  test(`varve ${name} has options whose letters differ`, async (t) => {
    const { options } = await load();
    // -h NAME is docker's for the host name.
    const { help, ...others } = GLOBAL_OPTIONS;
    const all: OptionTable = { ...options, ...others, ...(options["hostname"]?.alias === help.alias ? {} : { help }) };
    const letters = Object.values(all).flatMap(({ alias }) => (alias === undefined ? [] : [alias]));
    t.is(new Set(letters).size, letters.length);
  });
}

test("each other name of a command leads to one", (t) => {
  t.deepEqual(
    Object.values(ALIASES).filter((name) => !(name in COMMANDS)),
    [],
  );
});

test("no line of help is longer than 100 columns", async (t) => {
  const lines = (await Promise.all(pages.map(async ([, text]) => text()))).flatMap((text) => text.split("\n"));
  t.deepEqual(
    lines.filter((line) => line.length > 100 && !line.startsWith("<!--")),
    [],
  );
});

function page(title: string, help: string): string {
  return `<!-- Generated from --help; test/cli/command-pages.test.ts compares. -->\n\n# ${title}\n\n\`\`\`text\n${help}\`\`\`\n`;
}
