// kill -9 of a pull and a push, at each blob: the store is whole, and the next try works.
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import path from "node:path";
import { putLayeredImage } from "../helpers/layered-image.js";
import { startRegistry } from "../helpers/local-registry.js";
import { startFront } from "../helpers/registry-front.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { userStore } from "../helpers/user-store.js";
import { runVarve, startVarve } from "./running-command.js";

const test = testIf("docker-registry").serial;

const SIZES = [200_000, 200_001, 200_002, 200_003, 200_004];

const scratchOf = (store: string): readonly string[] => {
  const folder = path.join(store, "scratch");
  return existsSync(folder) ? readdirSync(folder) : [];
};

test("a pull that is killed at any of its blobs leaves a store that is whole, and goes on the next time", async (t) => {
  const [home, registry] = [temporaryDirectory(t), await startRegistry(t)];
  const image = await putLayeredImage(t, registry.host, { repository: "app", tag: "1", sizes: SIZES });
  let fatal: (typeof image.layers)[number] | undefined;
  let kill = (): void => undefined;
  const front = await startFront(t, registry.host, {
    meddle: ({ url = "" }, response) => {
      if (fatal === undefined || !url.endsWith(fatal.digest)) return false;
      // Some of it has come by then.
      response.writeHead(200, { "content-length": fatal.size }).write(Buffer.alloc(70_000), () => setTimeout(kill, 30));
      return true;
    },
  });
  const reference = `${front.host}/app:1`;
  for (const [at, layer] of image.layers.entries()) {
    const store = path.join(home, `store-${at}`);
    const call = (...words: string[]): ReturnType<typeof runVarve> => runVarve(home, ["--store", store, ...words]);
    fatal = layer;
    const { child } = startVarve(home, ["--store", store, "pull", "--jobs", at % 2 === 0 ? "1" : "4", reference]);
    kill = () => void child.kill("SIGKILL");
    await once(child, "close");
    t.is(child.signalCode, "SIGKILL", layer.digest);
    fatal = undefined;
    t.is((await call("--json", "images")).stdout, "[]\n");
    t.regex((await call("fsck")).stdout, /^Sound: /);
    const { status, stderr } = await call("pull", reference);
    t.is(status, 0, stderr);
    t.deepEqual(scratchOf(store), []);
    t.regex((await call("fsck")).stdout, /^Sound: /);
    t.is((await call("ls", reference)).stdout.match(/f\d\n/g)?.length, SIZES.length);
  }
});

test("a push that is killed at any of its blobs leaves no tag, nothing in the store, and goes on the next time", async (t) => {
  const [made, registry] = [userStore(t, undefined), await startRegistry(t)];
  for (const name of ["one", "two"]) {
    writeFileSync(path.join(made.home, "root", name), name.repeat(100_000));
    made.ok("import", "root", "-b", "base", "-m", name);
  }
  let [left, kill] = [0, (): void => undefined];
  const front = await startFront(t, registry.host, {
    meddle: ({ method }) => {
      if (method === "PUT" && (left -= 1) === 0) kill();
      return false;
    },
  });
  const json = async (...words: string[]): Promise<unknown> => {
    const { status, stdout, stderr } = await runVarve(made.home, ["--store", made.store, "--json", ...words]);
    t.is(status, 0, stderr);
    return JSON.parse(stdout);
  };
  // Blobs of image and history, and both manifests; the last try is not killed.
  let isKilled = true;
  for (let at = 1; isKilled; at += 1) {
    t.true(at < 40);
    // In a repository of its own, which has nothing of the tries before.
    const repository = `${front.host}/app-${at}`;
    left = at;
    const { child } = startVarve(made.home, ["--store", made.store, "push", "--jobs", "2", "base", `${repository}:1`]);
    kill = () => void child.kill("SIGKILL");
    await once(child, "close");
    isKilled = child.signalCode === "SIGKILL";
    left = 0;
    t.regex(made.ok("fsck"), /^Sound: /, repository);
    const pushed = (await json("push", "base", `${repository}:1`)) as { digest: string };
    t.deepEqual(scratchOf(made.store), []);
    const there = (await json("images", "--remote", repository)) as { manifest: string }[];
    t.deepEqual(
      there.map(({ manifest }) => manifest),
      [pushed.digest],
    );
  }
});
