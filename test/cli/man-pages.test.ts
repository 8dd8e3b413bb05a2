import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import test from "ava";
import { COMMANDS } from "../../cli/command-table.js";
import { testIf } from "../helpers/requirements.js";

const FOLDER = "dist/man";

test("there is a man page for varve and for each command", (t) => {
  t.deepEqual(readdirSync(FOLDER).sort(), ["varve.1", ...Object.keys(COMMANDS).map((name) => `varve-${name}.1`)].sort());
});

testIf("groff")("groff sets each man page without a warning", (t) => {
  for (const name of readdirSync(FOLDER)) {
    const { status, stderr } = spawnSync("groff", ["-man", "-ww", "-Tutf8", "-Kutf8", `${FOLDER}/${name}`], { encoding: "utf8" });
    t.deepEqual({ status, stderr }, { status: 0, stderr: "" }, name);
  }
});

testIf("groff")("a man page shows what --help shows: options, examples and statuses", async (t) => {
  for (const [name, { load }] of Object.entries(COMMANDS)) {
    const { description, options, examples, statuses = [] } = await load();
    const set = execFileSync("groff", ["-man", "-Tutf8", "-Kutf8", "-P-cbou", `${FOLDER}/varve-${name}.1`], {
      encoding: "utf8",
    });
    const shown = normalize(set);
    const wanted = [description, ...Object.keys(options).map((option) => `--${option}`), ...[...examples, ...statuses].flat()];
    t.deepEqual(
      wanted.filter((text) => !shown.includes(normalize(text))),
      [],
      name,
    );
  }
});

/** Without what setting changes: spaces, breaks within words, and characters that ASCII lacks. */
function normalize(text: string): string {
  return text
    .replace(/…/g, "...")
    .replace(/[^\x21-\x7e]/g, "")
    .replace(/-/g, "")
    .replace(/[`'"]/g, "");
}

test("the package names the folder of the man pages", (t) => {
  const { directories } = JSON.parse(readFileSync("package.json", "utf8")) as { directories?: { man?: string } };
  t.is(directories?.man, FOLDER);
});
