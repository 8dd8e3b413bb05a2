import type { ExecutionContext } from "ava";
import { ordinaryUser } from "../helpers/ordinary-user.js";
import { testIf } from "../helpers/requirements.js";
import { userStore, type UserStore } from "../helpers/user-store.js";
import { until } from "../overlay/container-fixture.js";

/** What the process writes to a named volume, to one without a name in it, to a tmpfs in it, and to one beside it. */
const SCRIPT = `
echo named >/named/file; chown 7:8 /named/file; chmod 4711 /named/file; ln /named/file /named/other; ln -s /etc/passwd /named/link
mkdir /named/dir; chmod 2770 /named/dir; chown 5:6 /named
echo inner >/named/inner/file; chown 33:50 /named/inner; chmod 700 /named/inner
echo memory >/named/memory/file; chmod 600 /named/memory/file
echo scratch >/scratch/file; chown 9:10 /scratch/file
touch /root/began; exec sleep 1000`;

const MOUNTS = ["-v", "named:/named", "-v", "/named/inner", "--tmpfs", "/named/memory:mode=750", "--tmpfs", "/scratch:uid=11"];

async function running(t: ExecutionContext, user: Parameters<typeof userStore>[1]): Promise<UserStore> {
  const store = userStore(t, user);
  store.ok("run", "-d", "--name", "box", ...MOUNTS, "base", "--", "sh", "-c", SCRIPT);
  await until(() => store.run("exec", "box", "ls", "/root/began").status === 0, "the script has begun");
  return store;
}

/** Of each path: type, mode, owner. */
function listed({ ok }: UserStore, place: string): Readonly<Record<string, string>> {
  const entries = JSON.parse(ok("--json", "ls", "-r", `box:${place}`)) as {
    path: string;
    mode: string;
    uid: number;
    gid: number;
  }[];
  return Object.fromEntries(entries.map(({ path, mode, uid, gid }) => [path, `${mode} ${uid}:${gid}`]));
}

function leftOut({ ok }: UserStore, ...places: readonly string[]): readonly string[] {
  const words = places.flatMap((place) => ["--include-mount", place]);
  const { mounts } = JSON.parse(ok("--json", "commit", "box", "-m", "m", ...words)) as { mounts: { path: string }[] };
  return mounts.map(({ path }) => path);
}

const NAMED = {
  "/named/dir": "2770 0:0",
  "/named/file": "4711 7:8",
  "/named/link": "0777 0:0",
  "/named/other": "4711 7:8",
};
const INNER = { "/named/inner": "0700 33:50", "/named/inner/file": "0644 0:0" };
const MEMORY = { "/named/memory": "0750 0:0", "/named/memory/file": "0600 0:0" };

for (const [who, user, test] of [
  ["root", undefined, testIf("oci-runtime", "overlay", "erofs", "conmon").serial],
  ["an ordinary user", ordinaryUser(), testIf("oci-runtime", "overlay", "conmon", "ordinary-user").serial],
] as const) {
  test(`${who}: --include-mount of volumes and tmpfs, one in the other, takes contents, owners and modes`, async (t) => {
    const store = await running(t, user);
    t.deepEqual(leftOut(store), ["/named", "/named/inner", "/named/memory", "/scratch"]);
    t.deepEqual(leftOut(store, "/named", "/named/inner", "/named/memory", "/scratch"), []);
    t.deepEqual(listed(store, "/named"), { ...NAMED, ...INNER, ...MEMORY });
    t.deepEqual(listed(store, "/scratch"), { "/scratch/file": "0644 9:10" });
    const modes =
      "stat -c '%a %u:%g' /named /scratch; stat -c %h /named/file; cat /named/file /named/inner/file /named/memory/file";
    const after = store.ok("run", "--rm", "box", "--", "sh", "-c", modes);
    t.is(after, "755 5:6\n1777 11:0\n2\nnamed\ninner\nmemory\n", "a container of that commit has them without the volumes");
  });

  test(`${who}: --include-mount of a volume leaves out what is mounted in it, and the other way round`, async (t) => {
    const store = await running(t, user);
    t.deepEqual(leftOut(store, "/named/inner"), ["/named", "/named/memory", "/scratch"]);
    t.deepEqual(listed(store, "/named"), INNER);
    t.deepEqual(leftOut(store, "/named"), ["/named/inner", "/named/memory", "/scratch"]);
    const { "/named/inner": inner, "/named/memory": memory, ...others } = listed(store, "/named");
    t.deepEqual(others, NAMED, "neither's contents");
    t.truthy(inner && memory, "the places are there");
  });

  test(`${who}: what a stopped container's tmpfs held is gone, and its volumes are read where they lie`, async (t) => {
    const store = await running(t, user);
    store.ok("stop", "-t", "0", "box");
    const { status, stderr } = store.run("commit", "box", "-m", "m", "--include-mount", "/scratch");
    t.is(status, 33);
    t.regex(stderr, /it is there only while the container runs/);
    t.deepEqual(leftOut(store, "/named/inner", "/named"), ["/named/memory", "/scratch"]);
    const { "/named/memory": memory, ...others } = listed(store, "/named");
    t.deepEqual(others, { ...NAMED, ...INNER });
    t.truthy(memory);
  });

  for (const place of ["/nowhere", "/named/dir", "/named/inner/file", "/dev/shm", "/etc/hosts"]) {
    test(`${who}: --include-mount ${place}, where no volume is, is refused and tells where some are`, async (t) => {
      const store = await running(t, user);
      const { status, stderr } = store.run("commit", "box", "-m", "m", "--include-mount", "/named", "--include-mount", place);
      t.is(status, 22);
      t.true(stderr.includes(`Cannot include what is mounted on "${place}": nothing is mounted there`), stderr);
      t.true(stderr.includes("Something is mounted on /named, /named/inner, /named/memory, /scratch."), stderr);
      t.is(store.ok("exec", "box", "cat", "/named/file"), "named\n", "it is not left frozen");
    });
  }
}
