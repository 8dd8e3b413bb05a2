import { testIf } from "../helpers/requirements.js";
import { runningStore } from "../helpers/running-store.js";
import { cgroupsOf } from "../overlay/container-fixture.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

/** Takes memory until it is killed. */
const GREEDY = ["sh", "-c", "a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done"];
const LIMITS = ["--memory", "16m", "--memory-swap", "16m"];

interface Listed {
  readonly id: string;
  readonly state: string;
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
}

test("run says that its process was killed for want of memory, and ps tells it until the next start", (t) => {
  const store = runningStore(t);
  const { status, stderr } = store.run("run", "--name", "a", ...LIMITS, "base", "--", ...GREEDY);
  t.is(status, 137, stderr);
  t.regex(stderr, /A process of a was killed by the kernel: out of memory \(its limit of 16 MiB\)/);
  const [told] = store.json("ps", "-a") as Listed[];
  t.like(told, { state: "stopped", exitCode: 137, oomKilled: true });
  t.deepEqual(cgroupsOf(told!.id), []);
  t.regex(store.run("ps", "-a").stdout, /stopped \(137, out of memory\)/);
  t.is(store.run("run", "--name", "b", "base", "--", "sh", "-c", "kill -9 $$; exit 1").status, 1);
  t.like((store.json("ps", "-a") as Listed[])[1], { exitCode: 1, oomKilled: false });
});

test("with --rm it is said, too, and nothing is left", (t) => {
  const store = runningStore(t);
  const { status, stderr } = store.run("run", "--rm", "--name", "a", ...LIMITS, "base", "--", ...GREEDY);
  t.is(status, 137, stderr);
  t.regex(stderr, /out of memory/);
  t.deepEqual(store.json("ps", "-a"), []);
});

test("of a process in the background ps tells it; one that ends otherwise after a start is not taken for it", (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "a"));
  const once = `test -e /once && exit 3; : > /once; ${GREEDY[2]}`;
  t.is(store.run("run", "-d", "--name", "a", ...LIMITS, "base", "--", "sh", "-c", once).status, 0);
  t.is(store.run("wait", "a").stdout.trim(), "137");
  t.like((store.json("ps", "-a") as Listed[])[0], { state: "stopped", exitCode: 137, oomKilled: true });
  t.is(store.run("start", "a").status, 0);
  t.is(store.run("wait", "a").stdout.trim(), "3");
  t.like((store.json("ps", "-a") as Listed[])[0], { state: "stopped", exitCode: 3, oomKilled: false });
});
