import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { normalized, Player } from "./transcript.js";

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
  const player = new Player(home);
  const lines = transcript.split("\n").filter((line) => /^(\$ |# )/.test(line));
  return lines.map((line) => `${line}\n${line.startsWith("#") ? "" : player.play(line.slice(2))}`).join("");
}
