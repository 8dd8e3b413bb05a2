import { testIf } from "../helpers/requirements.js";
import { runningStore } from "../helpers/running-store.js";
import { interrupted } from "./interrupted-command.js";

const test = testIf("oci-runtime", "erofs", "overlay", "conmon").serial;

for (const { words, when, end } of [
  { words: ["logs", "-f", "quiet"], when: "begun\n", end: { status: 0, stdout: "begun\n", stderr: "" } },
  { words: ["logs", "-f", "busy"], when: "more\n", end: { status: 0, stderr: "" } },
  {
    words: ["wait", "quiet"],
    when: undefined,
    end: { status: 130, stdout: "", stderr: "varve: error: Cannot finish the command: SIGINT came\n" },
  },
]) {
  test(`Ctrl-C ends ${words.join(" ")}, and the container goes on`, async (t) => {
    const store = runningStore(t);
    t.teardown(() => void store.run("rm", "-f", "--forget", "quiet", "busy"));
    for (const [name, script] of [
      ["quiet", "echo begun; exec sleep 1000"],
      ["busy", "while :; do echo more; done"],
    ] as const) {
      t.is(store.run("run", "-d", "--name", name, "base", "--", "sh", "-c", script).status, 0);
    }
    const begin = performance.now();
    const isTime = ({ stdout }: { readonly stdout: string }): boolean =>
      when === undefined ? performance.now() - begin > 2000 : stdout.includes(when);
    const call = { home: store.home, words: ["--store", store.store, ...words], signal: "SIGINT", when: isTime } as const;
    t.like(await interrupted(call), end);
    t.like(store.json("ps"), [{ name: "quiet" }, { name: "busy" }]);
  });
}
