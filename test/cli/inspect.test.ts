import { testIf } from "../helpers/requirements.js";
import { runningStore } from "../helpers/running-store.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

test("inspect tells all of a container and of a commit, in the order asked; and nothing when one is unknown", (t) => {
  const store = runningStore(t);
  t.teardown(() => void store.run("rm", "-f", "--forget", "a"));
  const options = ["--name", "a", "--memory", "64m", "-v", `${store.home}:/seen:ro`];
  t.is(store.run("run", "-d", ...options, "base", "--", "sleep", "1000").status, 0);
  const { status, stdout, stderr } = store.run("inspect", "a", "base");
  t.is(status, 0, stderr);
  const [container, commit] = JSON.parse(stdout) as [Record<string, unknown>, Record<string, unknown>];
  const [listed] = store.json("ps") as [Record<string, unknown>];
  t.like(container, {
    kind: "container",
    name: "a",
    state: "running",
    exitCode: null,
    oomKilled: false,
    branch: "a",
    limits: { memoryBytes: 64 << 20 },
    mounts: [{ source: store.home, destination: "/seen", readOnly: true }],
    configuration: { command: ["sleep", "1000"], network: "none" },
  });
  t.is(container["id"], listed["id"]);
  t.is(container["pid"], listed["pid"]);
  t.like(commit, { kind: "commit", commit: store.commit("base"), message: "base", parents: [], config: null });
  t.deepEqual(commit["layers"], container["layers"]);
  t.deepEqual(JSON.parse(store.run("--json", "inspect", "a", "base").stdout), [container, commit]);
  const unknown = store.run("inspect", "a", "absent");
  t.is(unknown.status, 20);
  t.is(unknown.stdout, "");
  t.regex(unknown.stderr, /Cannot inspect "absent": it is neither a container nor a revision\n.*varve ps -a/);
  t.regex(store.run("inspect", "base~9").stderr, /Cannot find "base~9": commit [0-9a-f]+ is the first\n/);
  t.is(store.run("stop", "-t", "0", "a").status, 0);
  const [stopped] = JSON.parse(store.run("inspect", String(container["id"]).slice(0, 6)).stdout) as Record<string, unknown>[];
  t.like(stopped, { state: "stopped", pid: null, exitCode: 137 });
});
