// docker itself, its daemon of the test's own, reads what varve writes, and the other way.
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { startDocker, type LocalDocker } from "../helpers/local-docker.js";
import { startRegistry } from "../helpers/local-registry.js";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";

const test = testIf("docker-daemon").serial;

interface Setting extends UserStore, LocalDocker {
  readonly json: (...words: string[]) => unknown;
}

/** A store whose `base` has two commits, and a docker that has nothing. */
async function setting(t: ExecutionContext): Promise<Setting> {
  const store = userStore(t, undefined);
  writeFileSync(path.join(store.home, "root/second"), "of the second commit\n");
  store.ok("import", "root", "-b", "base", "-m", "second");
  return { ...store, ...(await startDocker(t)), json: (...words) => JSON.parse(store.ok("--json", ...words)) as unknown };
}

const idOf = (saved: unknown): string => (saved as { images: { image: string }[] }).images[0]!.image;
const TEXT = ["--rm", "--network", "none", "IMAGE", "/bin/cat", "/second"] as const;
const text = (image: string): string[] => TEXT.map((word) => (word === "IMAGE" ? image : word));

test("docker loads what save wrote, with its id and history, and runs it", async (t) => {
  const { home, json, docker } = await setting(t);
  const id = idOf(json("save", "base", "--name", "team/base:1", "-o", "out.tar"));
  t.is(docker("load", "-q", "-i", path.join(home, "out.tar")), "Loaded image: team/base:1");
  t.is(docker("inspect", "--format", "{{.Id}}", "team/base:1"), id);
  t.deepEqual(docker("history", "--format", "{{.Comment}}", "team/base:1").split("\n"), ["second", "base"]);
  t.is(docker("run", ...text("team/base:1")), "of the second commit");
  t.is(docker("run", "--rm", "--network", "none", "team/base:1", "stat", "-c", "%h", "/data/one-name"), "2");
});

test("load reads what docker saved: what docker added to an image becomes a commit, and goes back with docker's id", async (t) => {
  const { home, ok, run, json, docker } = await setting(t);
  ok("save", "base", "--name", "team/base:1", "-o", "out.tar");
  docker("load", "-q", "-i", path.join(home, "out.tar"));
  docker("run", "--network", "none", "--name", "made", "team/base:1", "sh", "-c", "echo new >/root/new; rm /second");
  const id = docker("commit", "-m", "by docker", "-a", "alice", "made", "team/base:2");
  docker("rm", "made");
  docker("save", "-o", path.join(home, "docker.tar"), "team/base:2");
  t.is(ok("load", "-i", "docker.tar"), "Loaded image: team/base:2\n");
  t.is(ok("cat", "team/base:2:/root/new"), "new\n");
  t.not(run("cat", "team/base:2:/second").status, 0);
  t.regex(ok("log", "team/base:2"), /by docker[\s\S]*second[\s\S]*base/);
  t.is((json("images") as { image: string }[])[0]!.image, id);
  // docker knows it when it comes back: nothing of it is new.
  t.is(idOf(json("save", "team/base:2", "-o", "back.tar")), id);
  docker("load", "-q", "-i", path.join(home, "back.tar"));
  t.is(docker("images", "-q", "--no-trunc", "team/base:2"), id);
});

test("docker pulls and runs what varve pushed; varve pulls what docker pushed, and pushes it with docker's digest", async (t) => {
  const { ok, run, json, docker } = await setting(t);
  const { host } = await startRegistry(t);
  const { digest } = json("push", "base", `${host}/team/base:1`) as { digest: string };
  t.regex(docker("pull", `${host}/team/base:1`), new RegExp(`Digest: ${digest}`));
  t.is(docker("run", ...text(`${host}/team/base:1`)), "of the second commit");
  docker("run", "--network", "none", "--name", "made", `${host}/team/base:1`, "sh", "-c", "echo new >/root/new");
  docker("commit", "-m", "by docker", "made", `${host}/team/base:2`);
  docker("rm", "made");
  const [, pushed = "none"] = /digest: (sha256:[0-9a-f]{64})/.exec(docker("push", `${host}/team/base:2`)) ?? [];
  // What docker built it on was made here.
  const { stderr } = run("pull", `${host}/team/base:2`);
  t.deepEqual(stderr.match(/: (?:Already exists|Downloaded)/g), [": Already exists", ": Already exists", ": Downloaded"]);
  t.is(ok("cat", `${host}/team/base:2:/root/new`), "new\n");
  t.is((json("push", `${host}/team/base:2`, `${host}/team/copy:1`) as { digest: string }).digest, pushed);
  t.regex(docker("pull", `${host}/team/copy:1`), new RegExp(`Digest: ${pushed}`));
});
