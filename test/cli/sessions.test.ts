import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { environmentWithVarve } from "./built-command.js";

const SESSIONS = path.resolve("fixtures/sessions");
/** `VARVE_UPDATE=1 npx ava build/test/cli/sessions.test.js` writes what the commands print now. */
const UPDATE = Boolean(process.env["VARVE_UPDATE"]);

for (const file of readdirSync(SESSIONS, "utf8").filter((name) => name.endsWith(".txt"))) {
  const transcript = readFileSync(path.join(SESSIONS, file), "utf8");
  const requirements = /^# requires: (.*)$/m.exec(transcript)?.[1]?.split(" ") ?? [];
  testIf(...requirements)(`${file} plays as it is written`, (t) => {
    const home = temporaryDirectory(t);
    const played = normalized(replay(transcript, home));
    if (UPDATE) writeFileSync(path.join(SESSIONS, file), played);
    t.is(played, UPDATE ? played : transcript);
  });
}

/** A session file is a terminal transcript: "$ " lines are run, "# " lines are remarks, all others are wanted. */
function replay(transcript: string, home: string): string {
  const cwd = path.join(home, "here");
  mkdirSync(cwd);
  const env = environmentWithVarve(home);
  const lines = transcript.split("\n").filter((line) => /^(\$ |# )/.test(line));
  return lines.map((line) => (line.startsWith("#") ? `${line}\n` : play(line, cwd, env))).join("");
}

function play(line: string, cwd: string, env: NodeJS.ProcessEnv): string {
  const { stdout, stderr, status } = spawnSync("sh", ["-c", line.slice(2)], { cwd, env, encoding: "latin1" });
  const output = [stdout, stderr]
    .map(ended)
    .join("")
    .replaceAll(path.dirname(cwd), "<home>")
    .replaceAll(/\/var\/lib\/varve|<home>\/.local\/share\/varve/g, "<default store>");
  return `${line}\n${Buffer.from(output, "latin1").toString("utf8")}${status === 0 ? "" : `[exit ${status ?? "by signal"}]\n`}`;
}

/** What ends without a line end would join the next line of the transcript. */
function ended(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

/** Each id by its first place, so that a wrong one is still seen; what depends on clock and disk is blanked. */
function normalized(text: string): string {
  const labels = new Map<string, string>();
  const label = (kind: string) => (id: string) => {
    const key = kind + id.slice(0, 10);
    if (!labels.has(key)) labels.set(key, `<${kind} ${[...labels.keys()].filter((known) => known.startsWith(kind)).length + 1}>`);
    return labels.get(key) ?? id;
  };
  return text
    .replace(/\b[0-9a-f]{64}\b/g, label("digest"))
    .replace(/\b(?:[0-9a-f]{40}|[0-9a-f]{12}|[0-9a-f]{10})\b/g, label("id"))
    .replace(/\d[\d.]* [KMG]?i?B stored/g, "<size> stored")
    .replace(/ after \d[\d.]* m?s\)/g, " after <time>)")
    .replace(/of \d{4}-\d\d-\d\dT[\d:.]+Z/g, "of <time>");
}
