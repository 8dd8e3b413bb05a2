import test from "ava";
import type { OptionTable } from "../../cli/command.js";
import { ALIASES, COMMANDS } from "../../cli/command-table.js";
import { FOREIGN_COMMANDS, FOREIGN_OPTIONS } from "../../cli/foreign-words.js";
import { GLOBAL_OPTIONS } from "../../cli/global-options.js";

const SENTENCE = /^[A-Z].*[.…]$/;
const own = new Set([...Object.keys(COMMANDS), ...Object.keys(ALIASES), "help", "version"]);

test("each hint for a word of git or docker is one sentence", (t) => {
  const hints = [FOREIGN_COMMANDS, ...Object.values(FOREIGN_OPTIONS)].flatMap((table) => Object.values(table));
  t.deepEqual(
    hints.filter((hint) => !SENTENCE.test(hint) || /[.…] [A-Z]/.test(hint)),
    [],
  );
});

test("no command of varve's own is taken for a foreign one", (t) => {
  t.deepEqual(
    Object.keys(FOREIGN_COMMANDS).filter((name) => own.has(name)),
    [],
  );
});

test("each hint names commands that varve has", (t) => {
  const hints = [FOREIGN_COMMANDS, ...Object.values(FOREIGN_OPTIONS)].flatMap((table) => Object.values(table));
  const named = hints.flatMap((hint) => Array.from(hint.matchAll(/\bvarve ([a-z]+)/g), ([, name]) => name ?? ""));
  t.true(named.length > 20);
  t.deepEqual(
    named.filter((name) => !own.has(name)),
    [],
  );
});

test("no option of a command's own is taken for a foreign one", async (t) => {
  for (const [name, table] of Object.entries(FOREIGN_OPTIONS)) {
    const options: OptionTable = { ...(name === "" ? {} : (await COMMANDS[name]?.load())?.options), ...GLOBAL_OPTIONS };
    const known = Object.entries(options).flatMap(([long, { alias = "" }]) => [`--${long}`, `-${alias}`]);
    t.deepEqual(
      Object.keys(table).filter((option) => known.includes(option)),
      [],
      name,
    );
  }
});
