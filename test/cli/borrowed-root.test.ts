import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { makeSmallRoot } from "../overlay/small-root.js";
import { varve } from "./built-command.js";

/** A root of which all but one file stands in the layer of another branch, whose name is gone. */
testIf(
  "erofs",
  "overlay",
  "oci-runtime",
)("containers run on a root that another branch lends, also when that branch is gone", (t) => {
  const home = temporaryDirectory(t);
  const environment = { SOURCE_DATE_EPOCH: undefined, VARVE_STORE: path.join(home, "store") } as never;
  const call = (...words: string[]): string => {
    const { status, stdout, stderr } = varve(words, { cwd: home, home, environment });
    t.is(status, 0, `${words.join(" ")}: ${stderr}`);
    return stdout;
  };
  const layers = path.join(home, "store", "layers/sha256");
  const bytesOf = (id: string): number => statSync(path.join(layers, id)).blocks * 512;
  const root = path.join(home, "root");
  makeSmallRoot(root);
  call("--store", path.join(home, "store"), "init");
  call("import", root, "-b", "base", "-m", "base");
  const [base] = readdirSync(layers) as [string];
  execFileSync("sh", ["-c", "head -c 30000 /dev/urandom > data/new; chmod 700 bin/sh; mkdir more; mv bin/ls more/ls"], {
    cwd: root,
  });
  call("import", root, "-b", "other", "-m", "other");
  const borrower = readdirSync(layers).find((id) => id !== base) as string;
  t.true(bytesOf(borrower) < bytesOf(base) / 10 + 50_000, `${bytesOf(borrower)} of ${bytesOf(base)}`);

  call("branch", "-D", "base");
  call("gc", "--prune-age", "now");
  t.deepEqual(readdirSync(layers).sort(), [base, borrower].sort());
  const script = "cat /data/new | wc -c; chown 1:1 /bin/cat; mv /more /moved; echo text > /data/text; cat /bin/env > /data/env";
  t.is(call("run", "--name", "box", "--network", "none", "other", "--", "/bin/sh", "-c", script), "30000\n");
  t.regex(call("status", "box"), /data\/text/);
  call("commit", "box", "-m", "changed");
  t.is(call("diff", "box"), "");
  const [top] = readdirSync(layers).filter((id) => id !== base && id !== borrower) as [string];
  t.true(bytesOf(top) <= 16_384, `${bytesOf(top)}`);
  const exported = path.join(home, "exported");
  call("checkout", "box", exported);
  t.deepEqual(readFileSync(path.join(exported, "data/env")), readFileSync(path.join(root, "bin/env")));
  t.is(call("start", "box"), "30000\n");
  call("rollback", "box", "HEAD~1");
  call("undo");
  t.regex(call("fsck"), /^Sound: /);
  rmSync(exported, { recursive: true });
});
