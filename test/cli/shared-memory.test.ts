import { ordinaryUser } from "../helpers/ordinary-user.js";
import { testIf } from "../helpers/requirements.js";
import { userStore } from "../helpers/user-store.js";
import { until } from "../overlay/container-fixture.js";

for (const [who, user, test] of [
  ["root", undefined, testIf("oci-runtime", "overlay", "erofs", "conmon").serial],
  ["an ordinary user", ordinaryUser(), testIf("oci-runtime", "overlay", "conmon", "ordinary-user").serial],
] as const) {
  test(`${who}: --ipc container:NAME shares /dev/shm, both ways and over a third, for as long as one of them runs`, async (t) => {
    const store = userStore(t, user);
    const start = (name: string, ...words: string[]): string =>
      store.ok(
        "run",
        "-d",
        "--name",
        name,
        ...words,
        "base",
        "--",
        "sh",
        "-c",
        "echo $HOSTNAME >/dev/shm/began; exec sleep 1000",
      );
    const see = (name: string): string =>
      store.ok("exec", name, "sh", "-c", "cd /dev/shm; for each in *; do cat $each 2>&-; done; true");
    start("one", "--shm-size", "3m", "-e", "HOSTNAME=one");
    await until(() => see("one") === "one\n", "the first has written");
    start("alone", "-e", "HOSTNAME=alone");
    const joined = ["--ipc", "container:one", "base", "--", "sh", "-c"];
    const script = "grep ' /dev/shm ' /proc/mounts; cat /dev/shm/began; echo two >/dev/shm/two";
    const seen = store.ok("run", "--rm", ...joined, script).split("\n");
    t.regex(seen[0]!, /^shm \/dev\/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=3072k/);
    t.is(seen[1], "one");
    t.is(see("one"), "one\ntwo\n", "what the other wrote stays when it is gone");
    start("second", "--ipc", "container:one", "-e", "HOSTNAME=second");
    start("third", "--ipc", "container:second", "-e", "HOSTNAME=third");
    await until(() => see("one") === "third\ntwo\n", "the third has written");
    t.is(see("alone"), "alone\n");
    store.ok("stop", "-t", "0", "one");
    t.is(see("third"), "third\ntwo\n");
    const gone = store.run("run", "--rm", ...joined, "true");
    t.is(gone.status, 125);
    t.regex(gone.stderr, /"one": it does not run/);
    t.is(store.run("restart", "-t", "0", "third").status, 0, "the second runs");
    await until(() => see("second") === "third\ntwo\n", "the third has written again");
  });
}
