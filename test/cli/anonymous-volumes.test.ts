import type { ExecutionContext } from "ava";
import { ordinaryUser } from "../helpers/ordinary-user.js";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";
import { until } from "../overlay/container-fixture.js";

interface ListedVolume {
  readonly name: string;
  readonly anonymous: boolean;
  readonly path: string;
  readonly containers: readonly string[];
}

const volumesOf = ({ ok }: UserStore): readonly ListedVolume[] => JSON.parse(ok("--json", "volume", "ls")) as ListedVolume[];
const countOf = (store: UserStore): number => volumesOf(store).length;

const LIST = "stat -c '%n %u:%g %a %h' /kept /kept/one /kept/two; cat /kept/one";
const LISTED = "/kept 33:50 2750 2\n/kept/one 1000:1000 640 2\n/kept/two 1000:1000 640 2\nof the image\n";
const MAKE = "mkdir /kept; echo of the image >/kept/one; ln /kept/one /kept/two; chown 1000:1000 /kept/one; chmod 640 /kept/one";

/** Its branch `image` says VOLUME of /kept, which has owners and modes of its own, and of /other, which is not there. */
function imageStore(t: ExecutionContext, user: Parameters<typeof userStore>[1]): UserStore {
  const store = userStore(t, user);
  store.ok("run", "--name", "maker", "base", "--", "sh", "-c", `${MAKE}; chown 33:50 /kept; chmod 2750 /kept`);
  store.ok("commit", "maker", "-m", "kept", "--change", "VOLUME /kept /other/");
  store.ok("branch", "image", "maker");
  store.ok("rm", "maker");
  return store;
}

for (const [who, user, test] of [
  ["root", undefined, testIf("oci-runtime", "overlay", "erofs", "conmon").serial],
  ["an ordinary user", ordinaryUser(), testIf("oci-runtime", "overlay", "conmon", "ordinary-user").serial],
] as const) {
  test(`${who}: -v PATH makes a volume with what the image holds there, and --rm takes it`, (t) => {
    const store = imageStore(t, user);
    t.is(store.ok("run", "--rm", "-v", "/kept", "image", "--", "sh", "-c", LIST), LISTED);
    t.is(countOf(store), 0);
    const mount = "type=volume,dst=/kept,volume-nocopy,readonly";
    t.is(store.ok("run", "--rm", "--mount", mount, "image", "--", "sh", "-c", "ls -A /kept; ! touch /kept/x 2>&-"), "");
    t.is(countOf(store), 0);
  });

  test(`${who}: a volume without a name stands from create to rm -v, and survives a plain rm`, (t) => {
    const store = imageStore(t, user);
    store.ok("create", "--name", "box", "-v", "/kept", "image", "--", "sh", "-c", "cat /kept/new; echo more >>/kept/new");
    const [volume] = volumesOf(store);
    t.like(volume, { anonymous: true, containers: ["box"] });
    t.regex(volume!.name, /^[0-9a-f]{64}$/);
    t.not(store.run("start", "-a", "box").status, undefined);
    t.is(store.ok("start", "-a", "box"), "more\n");
    t.is(store.ok("diff", "box"), "", "it is no part of the tree");
    t.regex(store.run("rm", "box").stderr, /Volumes without a name stay/);
    t.like(volumesOf(store), [{ name: volume!.name, containers: [] }]);
    store.ok("undo");
    t.is(store.ok("start", "-a", "box"), "more\nmore\n", "what it held is there again");
    t.regex(store.run("rm", "-v", "box").stderr, /gone, too, for good/);
    t.is(countOf(store), 0);
    store.ok("undo");
    t.is(store.run("start", "-a", "box").stdout, "", "it begins anew, under the same name");
    t.like(volumesOf(store), [{ name: volume!.name, containers: ["box"] }]);
  });

  test(`${who}: a container of the background that goes with its end takes its volume along`, async (t) => {
    const store = imageStore(t, user);
    store.ok("run", "-d", "--rm", "-v", "/kept", "image", "--", "sleep", "1000");
    const [{ name } = { name: "" }] = JSON.parse(store.ok("--json", "ps")) as { name: string }[];
    t.is(countOf(store), 1);
    store.ok("stop", "-t", "0", name);
    await until(() => countOf(store) === 0, "the volume is gone");
    t.is(store.ok("ps", "-aq"), "");
  });

  test(`${who}: a run that can't start leaves no volume`, (t) => {
    const store = imageStore(t, user);
    for (const words of [
      ["run", "-v", "/kept", "image", "--", "no-such-program"],
      ["run", "--rm", "-v", "/kept", "image", "--", "no-such-program"],
      ["run", "-d", "-v", "/kept", "image", "--", "no-such-program"],
      ["run", "-v", "/etc/passwd", "image", "--", "true"],
      ["run", "-v", "/proc", "image", "--", "true"],
    ])
      t.true(store.run(...words).status! >= 125, words.join(" "));
    t.is(countOf(store), 0);
  });

  test(`${who}: a volume that another container names stays with rm -v`, (t) => {
    const store = imageStore(t, user);
    store.ok("run", "--name", "one", "-v", "/kept", "image", "--", "sh", "-c", "echo x >/kept/new");
    const [volume] = volumesOf(store);
    store.ok("create", "--name", "two", "-v", `${volume!.name}:/seen`, "image", "--", "cat", "/seen/new");
    store.ok("rm", "-v", "one");
    t.is(store.ok("start", "-a", "two"), "x\n");
    store.ok("rm", "-v", "two");
    t.like(volumesOf(store), [{ name: volume!.name }], "it was not made for that one");
    t.is(store.run("volume", "prune", "-f").status, 0);
    t.is(countOf(store), 0);
  });

  test(`${who}: an image's volumes are part of the tree, so that a commit holds what is written there`, (t) => {
    const store = imageStore(t, user);
    store.ok("run", "--name", "box", "image", "--", "sh", "-c", "echo x >/kept/new");
    t.is(countOf(store), 0);
    t.is(store.ok("diff", "box"), "A  /kept/new\n");
    t.regex(store.run("commit", "box", "-m", "m").stderr, /^\[box [0-9a-f]+\] m\n/);
    t.is(store.ok("cat", "box:/kept/new"), "x\n");
  });

  test(`${who}: --image-volume=bind makes volumes of them, but for where something else is mounted`, (t) => {
    const store = imageStore(t, user);
    const bind = ["run", "--image-volume", "bind"];
    t.is(
      store.ok(
        ...bind,
        "--name",
        "box",
        "image",
        "--",
        "sh",
        "-c",
        `${LIST}; echo x >/kept/new; echo x >/other/new; echo x >/root/new`,
      ),
      LISTED,
    );
    t.is(countOf(store), 2);
    t.regex(store.run("commit", "box", "-m", "m").stderr, /mounted on \/kept, \/other is not in the commit/);
    t.not(store.run("cat", "box:/kept/new").status, 0);
    store.ok("rm", "-v", "box");
    store.ok(...bind, "-v", "named:/kept", "--tmpfs", "/other", "image", "--", "true");
    t.like(volumesOf(store), [{ name: "named", anonymous: false }]);
    t.is(countOf(store), 1);
  });

  test(`${who}: --image-volume=tmpfs keeps nothing, and has the owner and contents of the image`, (t) => {
    const store = imageStore(t, user);
    const tmpfs = ["--image-volume=tmpfs", "image", "--", "sh", "-c"];
    const script = "stat -c '%u:%g %a' /kept /kept/one; cat /kept/one; stat -f -c %T /kept; echo x >/kept/new; echo y >/other/z";
    t.is(store.ok("run", "--name", "box", ...tmpfs, script), "33:50 2750\n1000:1000 640\nof the image\ntmpfs\n");
    t.is(countOf(store), 0);
    t.is(store.ok("diff", "box"), "A  /other/\n");
  });

  test(`${who}: volume prune takes those without a name, and with -a the others, but none that a container has`, (t) => {
    const store = userStore(t, user);
    store.ok("volume", "create", "named");
    store.ok("volume", "create", "had");
    const unnamed = store.ok("volume", "create").trim();
    store.ok("create", "--name", "box", "-v", "had:/had", "-v", "/own", "base", "--", "true");
    t.is(store.run("volume", "prune").status, 2);
    t.deepEqual(JSON.parse(store.ok("--json", "volume", "prune", "-f")), { removed: [unnamed] });
    t.is(countOf(store), 3);
    t.regex(store.run("volume", "prune", "-f").stderr, /each volume has a name, or a container/);
    t.deepEqual(JSON.parse(store.ok("--json", "volume", "prune", "-af")), { removed: ["named"] });
    store.ok("rm", "box");
    t.is((JSON.parse(store.ok("--json", "volume", "prune", "--all", "-f")) as { removed: string[] }).removed.length, 2);
    t.is(countOf(store), 0);
  });
}

const test = testIf("oci-runtime", "overlay", "erofs").serial;

test("try leaves no volume, and a cached run takes none", (t) => {
  const store = imageStore(t, undefined);
  store.ok("try", "-v", "/kept", "image", "--", "sh", "-c", "echo x >/kept/new");
  t.is(countOf(store), 0);
  const cached = store.run("run", "--cache", "-b", "ci", "-v", "/kept", "image", "--", "true");
  t.is(cached.status, 125);
  t.regex(cached.stderr, /what it writes to the volume "\/kept" is in no commit/);
  t.is(store.run("run", "--cache", "-b", "ci", "image", "--", "true").status, 0, "the image's own are part of the tree");
  t.is(countOf(store), 0);
});

test("an image's volumes that can't be are told", (t) => {
  const store = userStore(t, undefined);
  store.ok("import", "root.tar", "-b", "whole", "-m", "m", "--change", "VOLUME /");
  t.is(store.run("run", "--rm", "whole", "--", "true").status, 0);
  t.regex(store.run("run", "--rm", "--image-volume=bind", "whole", "--", "true").stderr, /one of them is "\/"/);
  t.regex(store.run("run", "--image-volume=x", "whole", "--", "true").stderr, /wanted ignore, bind, tmpfs/);
  t.is(countOf(store), 0);
});
