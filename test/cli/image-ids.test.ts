// Images are named by the ids that `varve images` and docker show, and words of docker's are taken in its order.
import test, { type ExecutionContext } from "ava";
import { userStore, type UserStore } from "../helpers/user-store.js";

interface Row {
  readonly reference: string;
  readonly image: string | null;
  readonly commit: string;
}

/** A store with an image that came in as `app:1`, and one that was made here, `made:1`. */
function setting(t: ExecutionContext): UserStore & { readonly id: string; readonly images: () => readonly Row[] } {
  const store = userStore(t, undefined);
  const { ok } = store;
  ok("save", "base", "--name", "app:1", "-o", "app.tar");
  ok("load", "app.tar");
  ok("tag", "made:1", "base");
  const images = (): readonly Row[] => JSON.parse(ok("--json", "images")) as readonly Row[];
  return { ...store, images, id: images().find(({ reference }) => reference === "app:1")!.image! };
}

test("an image's id, or its first digits, names its commit in every command", (t) => {
  const { ok, run, id, images } = setting(t);
  const commit = images().find(({ reference }) => reference === "app:1")!.commit;
  const hex = id.slice("sha256:".length);
  for (const word of [id, id.slice(0, 19), hex.slice(0, 12), hex])
    t.is((JSON.parse(ok("--json", "log", "-1", word)) as { commit: string }[])[0]!.commit, commit, word);
  t.regex(ok("ls", hex.slice(0, 12)), /data/);
  t.is(run("log", hex.slice(0, 3)).status, 20);
  t.is(
    run(
      "log",
      hex.slice(0, 12).replace(/^./, (digit) => (digit === "0" ? "1" : "0")),
    ).status,
    20,
  );
});

test("rmi takes an id: of an image with several names by --force alone, and undo brings all of them back", (t) => {
  const { ok, run, id, images } = setting(t);
  const digits = id.slice("sha256:".length, 19);
  ok("tag", "app:1", "team/app");
  const before = images();
  t.deepEqual(
    before.map(({ reference }) => reference),
    ["app:1", "made:1", "team/app:latest"],
  );
  const refused = run("rmi", digits);
  t.is(refused.status, 21);
  t.regex(refused.stderr, /it has 2 names\n.*app:1, team\/app:latest/);
  t.deepEqual(images(), before);
  t.is(ok("rmi", "-f", digits), "Untagged: app:1\nUntagged: team/app:latest\n");
  ok("undo");
  t.deepEqual(images(), before);
  ok("rmi", "-f", ...ok("images", "-q").trim().split("\n"));
  t.deepEqual(images(), []);
  t.is(run("rmi", digits).status, 20);
});

test("rmi of digits that are an image's name deletes that name", (t) => {
  const { ok, id, images } = setting(t);
  const digits = id.slice("sha256:".length, 19);
  ok("tag", `${digits}:latest`, "base");
  t.is(ok("rmi", digits), `Untagged: ${digits}:latest\n`);
  t.deepEqual(
    images().map(({ reference }) => reference),
    ["app:1", "made:1"],
  );
});

test("tag takes docker's words in docker's order, and says so when neither word is there", (t) => {
  const { ok, run, id, images } = setting(t);
  const made = (reference: string): string | undefined => images().find((row) => row.reference === reference)?.commit;
  ok("tag", id.slice("sha256:".length, 19), "app:2");
  t.is(made("app:2"), made("app:1"));
  ok("tag", "app:1", "team/app");
  t.is(made("team/app:latest"), made("app:1"));
  const before = images();
  const neither = run("tag", "nosuch:1", "a:1");
  t.is(neither.status, 20);
  t.regex(neither.stderr, /neither "nosuch:1" nor "a:1" is there/);
  const upper = run("tag", "app:1", "Team:1");
  t.is(upper.status, 2);
  t.regex(upper.stderr, /"Team:1" as the name of an image: its repository must be lower-case/);
  // A branch that is mistyped is none.
  t.is(run("tag", "v1", "bsae").status, 20);
  t.is(run("tag", "base", "other").status, 20);
  t.is(run("tag", "-f", "app:1", "bsae").status, 20);
  t.deepEqual(images(), before);
});

test("an image without the tag that is meant is told with those that it has", (t) => {
  const { run } = setting(t);
  t.regex(run("log", "app").stderr, /Did you mean app:1\?/);
});
