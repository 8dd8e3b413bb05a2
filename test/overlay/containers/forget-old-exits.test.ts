import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { forgetOldExits } from "../../../overlay/containers/container-directory.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

const MINUTE = 60_000;

test("exit codes of containers that are gone are removed after ten minutes, by a look at most once a minute", (t) => {
  const containers = temporaryDirectory(t);
  forgetOldExits(containers);
  t.false(existsSync(path.join(containers, "exits")), "nothing is made before a container has ended");
  mkdirSync(path.join(containers, "exits"));
  mkdirSync(path.join(containers, "aaaaaaaaaaaa"));
  const exit = (id: string, minutes: number): string => {
    const file = path.join(containers, "exits", id);
    writeFileSync(file, "0\n");
    const then = new Date(Date.now() - minutes * MINUTE);
    utimesSync(file, then, then);
    return file;
  };
  const [standing, gone, fresh] = [exit("aaaaaaaaaaaa", 11), exit("bbbbbbbbbbbb", 11), exit("cccccccccccc", 9)];
  forgetOldExits(containers);
  t.deepEqual(
    [standing, gone, fresh].map((file) => existsSync(file)),
    [true, false, true],
  );

  const another = exit("dddddddddddd", 11);
  forgetOldExits(containers);
  t.true(existsSync(another), "a moment ago somebody looked");
  for (const minutes of [2, -2]) {
    exit("dddddddddddd", 11);
    exit("looked", minutes);
    forgetOldExits(containers);
    t.false(existsSync(another), `the last look was ${minutes} minutes ago by this clock`);
  }
  t.true(existsSync(fresh));
});
