// What pull and push do side by side, and what becomes of it when the network does not do its part.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExecutionContext } from "ava";
import type { BlobDescriptor } from "../../store/registry/blob-download.js";
import { putLayeredImage, type LayeredImage } from "../helpers/layered-image.js";
import { startRegistry, type LocalRegistry } from "../helpers/local-registry.js";
import { startFront, type FrontSetup, type RegistryFront } from "../helpers/registry-front.js";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";
import { runVarve, startVarve, type Ended } from "./running-command.js";

const test = testIf("docker-registry");

interface Setting {
  readonly home: string;
  readonly registry: LocalRegistry;
  readonly front: RegistryFront;
  readonly image: LayeredImage;
  /** Of the front. */
  readonly reference: string;
  readonly run: (...words: readonly string[]) => Promise<Ended>;
  /** Names in the store's scratch folder. */
  readonly scratch: () => readonly string[];
}

const TEN = Array.from({ length: 10 }, (_, index) => 200_000 + index);

async function setting(t: ExecutionContext, front: FrontSetup = {}, sizes = TEN, order?: readonly number[]): Promise<Setting> {
  const [home, registry] = [temporaryDirectory(t), await startRegistry(t)];
  const parts = { repository: "team/app", tag: "1", sizes, ...(order && { order }) };
  const image = await putLayeredImage(t, registry.host, parts);
  const before = await startFront(t, registry.host, front);
  const store = path.join(home, "store");
  const scratch = path.join(store, "scratch");
  // A store that a pull made goes with it when it fails.
  await ok(t, runVarve(home, ["--store", store, "init", "--shared"]));
  return {
    home,
    registry,
    front: before,
    image,
    reference: `${before.host}/team/app:1`,
    run: (...words) => runVarve(home, ["--store", store, ...words]),
    scratch: () => readdirSync(scratch),
  };
}

/** Those of layers that were read. */
function layersAsked({ image }: Setting, requests: readonly string[]): readonly string[] {
  const wanted = new Set(image.layers.map(({ digest }) => digest));
  return requests.flatMap((request) => {
    const [, digest = ""] = /^GET \S*\/blobs\/(\S+)/.exec(request) ?? [];
    return wanted.has(digest) ? [digest] : [];
  });
}

async function ok(t: ExecutionContext, ended: Promise<Ended>): Promise<Ended> {
  const end = await ended;
  t.is(end.status, 0, end.stderr);
  return end;
}

async function isSound(t: ExecutionContext, { run, scratch }: Setting): Promise<void> {
  t.deepEqual(scratch(), []);
  t.regex((await ok(t, run("fsck"))).stdout, /^Sound: /);
}

test("a pull of ten layers asks for each blob once, four at a time, and says one line of each", async (t) => {
  const made = await setting(t, { delay: 150 });
  const { stderr } = await ok(t, made.run("pull", made.reference));
  const digests = made.image.layers.map(({ digest }) => digest);
  t.deepEqual([...layersAsked(made, made.registry.requests())].sort(), [...digests].sort());
  t.is(made.front.mostAtOnce(), 4);
  const lines = stderr.split("\n").filter((line) => line.includes(": Downloaded "));
  t.deepEqual(lines.map((line) => line.slice(0, 12)).sort(), digests.map((digest) => digest.slice(7, 19)).sort());
  t.regex((await made.run("ls", made.reference)).stdout, /f0\n[\s\S]*f9\n/);
  await isSound(t, made);
  // The whole image is there now: nothing of it is asked for again.
  const before = layersAsked(made, made.front.asked).length;
  t.regex((await ok(t, made.run("pull", made.reference))).stderr, /^(?:[0-9a-f]{12}: Already exists\n){10}/);
  t.is(layersAsked(made, made.front.asked).length, before);
});

test("layers of a history come side by side, too, however many there are", async (t) => {
  const made = await setting(t, { delay: 40 });
  const from = path.join(made.home, "from");
  const varve = (...words: string[]): Promise<Ended> => ok(t, runVarve(made.home, ["--store", from, ...words]));
  mkdirSync(path.join(made.home, "root"));
  for (let number = 0; number < 40; number += 1) {
    writeFileSync(path.join(made.home, "root", `file-${number}`), String(number));
    await varve("import", "root", "-b", "base", "-m", String(number));
  }
  await varve("push", "base", `${made.registry.host}/deep:1`);
  await ok(t, made.run("pull", `${made.front.host}/deep:1`, "-b", "base"));
  t.is(made.front.mostAtOnce(), 4);
  const commits = async (store: string): Promise<readonly string[]> => {
    const { stdout } = await ok(t, runVarve(made.home, ["--store", store, "--json", "log", "base"]));
    return (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id);
  };
  t.is((await commits("from")).length, 40);
  t.deepEqual(await commits("store"), await commits("from"));
  await isSound(t, made);
});

test("--jobs says how many are transferred at once; 1 to 32", async (t) => {
  const made = await setting(t, { delay: 50 });
  await ok(t, made.run("pull", "--jobs", "1", made.reference));
  t.is(made.front.mostAtOnce(), 1);
  for (const wrong of ["0", "33", "four"]) t.is((await made.run("pull", "--jobs", wrong, made.reference)).status, 2, wrong);
  await ok(t, made.run("push", "--no-history", "-j", "2", made.reference, `${made.front.host}/other:1`));
});

test("push sends layers side by side", async (t) => {
  const made = await setting(t, { delay: 150 });
  await ok(t, made.run("pull", "-j", "1", `${made.registry.host}/team/app:1`));
  const { stderr } = await ok(
    t,
    made.run("push", "--no-history", `${made.registry.host}/team/app:1`, `${made.front.host}/other:1`),
  );
  t.is(stderr.match(/: Pushed /g)?.length, 11);
  t.true(made.front.mostAtOnce() >= 3 && made.front.mostAtOnce() <= 4, String(made.front.mostAtOnce()));
});

test("a layer that an image has twice is transferred once", async (t) => {
  const made = await setting(t, {}, [300_000, 300_000], [0, 1, 0]);
  await ok(t, made.run("pull", made.reference));
  t.is(layersAsked(made, made.front.asked).length, 2);
  t.is((JSON.parse((await made.run("--json", "log", made.reference)).stdout) as unknown[]).length, 3);
  await isSound(t, made);
});

for (const keep of ["always", "never"])
  test(`a download that is cut goes on where it was, with --keep-blobs ${keep}`, async (t) => {
    const made = await setting(t, { cutAfter: ({ url = "" }) => (/blobs\/sha256/.test(url) ? 100_000 : undefined) });
    await ok(t, made.run("pull", "--keep-blobs", keep, made.reference));
    const resumed = made.front.asked.filter((request) => / bytes=[1-9]\d*-$/.test(request));
    t.is(resumed.length, made.image.layers.length, made.front.asked.join("\n"));
    await isSound(t, made);
  });

test("429 with Retry-After is waited for, and told", async (t) => {
  let refusedAt = 0;
  const made = await setting(t, {
    meddle: ({ url = "" }, response) => {
      if (refusedAt > 0 || !url.includes("/blobs/")) return false;
      refusedAt = performance.now();
      response.writeHead(429, { "retry-after": "2" }).end();
      return true;
    },
  });
  const { stderr } = await ok(t, made.run("pull", made.reference));
  t.true(performance.now() - refusedAt >= 2000);
  t.regex(stderr, /: it has too many requests \(429\) and asks to wait 2 seconds; trying again in [23] seconds\n/);
  await isSound(t, made);
});

type Answer = (response: ServerResponse, bytes: number) => void;

const WRONG: Readonly<Record<string, readonly [status: number, message: RegExp, answer: Answer]>> = {
  "asks to wait for too long": [
    80,
    /has too many requests \(429\) and asks to wait 100,000 seconds/,
    (response) => response.writeHead(429, { "retry-after": "100000" }).end(),
  ],
  "gives other bytes": [
    82,
    /has another digest than that/,
    (response, bytes) => response.writeHead(200, { "content-length": bytes }).end(Buffer.alloc(bytes, 1)),
  ],
  "refuses it": [81, /it refuses access to the blob sha256:/, (response) => response.writeHead(403).end()],
};

for (const [title, [wanted, message, answer]] of Object.entries(WRONG))
  test(`a registry that ${title}, in the sixth layer: the pull says so, nothing stays, and the next one works`, async (t) => {
    let wrong: BlobDescriptor | undefined;
    const made = await setting(t, {
      delay: 20,
      meddle: ({ url = "" }, response) => {
        if (wrong === undefined || !url.endsWith(wrong.digest)) return false;
        answer(response, wrong.size);
        return true;
      },
    });
    wrong = made.image.layers[5]!;
    const { status, stderr } = await made.run("pull", made.reference);
    t.is(status, wanted, stderr);
    t.regex(stderr, message);
    t.deepEqual(made.scratch(), []);
    t.is((await made.run("--json", "images")).stdout, "[]\n");
    wrong = undefined;
    await ok(t, made.run("pull", made.reference));
    await isSound(t, made);
  });

test("a registry that vanishes in the middle: the pull says so, and nothing stays", async (t) => {
  const made = await setting(t, {
    cutAfter: ({ url = "" }) => {
      if (!url.includes("/blobs/") || !url.endsWith(made?.image.layers[3]?.digest ?? "-")) return undefined;
      made.registry.stop();
      return 50_000;
    },
    delay: 20,
  });
  const { status, stderr } = await made.run("pull", made.reference);
  t.is(status, 80, stderr);
  t.regex(stderr, /Cannot reach the registry/);
  t.deepEqual(made.scratch(), []);
  t.is((await made.run("--json", "images")).stdout, "[]\n");
  t.regex((await made.run("fsck")).stdout, /^Sound: /);
});

test("SIGINT in a pull of several layers ends it with 130 and leaves no scratch", async (t) => {
  const made = await setting(t, { meddle: ({ url = "" }) => url.endsWith(made?.image.layers[2]?.digest ?? "-") });
  const store = path.join(made.home, "store");
  const { child, ended } = startVarve(made.home, ["--store", store, "pull", made.reference]);
  // Of the third layer nothing ever comes.
  while (made.scratch().length < 4 && child.exitCode === null) await sleep(10);
  await sleep(300);
  child.kill("SIGINT");
  const { status, stderr } = await ended;
  t.is(status, 130, stderr);
  t.deepEqual(made.scratch(), []);
  t.regex((await made.run("fsck")).stdout, /^Sound: /);
});

test("a blob that the registry does not take ends the push: no tag is there", async (t) => {
  let isFull = true;
  const made = await setting(t, {
    delay: 50,
    meddle: ({ method, url = "" }, response) => {
      const digest = /digest=sha256%3A([0-9a-f]+)/.exec(url)?.[1] ?? "";
      if (!isFull || method !== "PUT" || made?.image.layers[4]?.digest !== `sha256:${digest}`) return false;
      response.writeHead(413).end();
      return true;
    },
  });
  const direct = `${made.registry.host}/team/app:1`;
  await ok(t, made.run("pull", direct));
  const failed = await made.run("push", "--no-history", direct, `${made.front.host}/other:1`);
  t.regex(failed.stderr, /varve: error: Cannot use the answer .* with status 413/);
  t.not(failed.status, 0);
  t.is((await made.run("pull", `${made.front.host}/other:1`)).status, 83);
  isFull = false;
  const { stdout } = await ok(t, made.run("push", "--no-history", direct, `${made.front.host}/other:1`));
  t.true(stdout.includes(`digest: ${made.image.digest}`));
  t.is(createHash("sha256").update(made.image.manifest).digest("hex"), made.image.digest.slice(7));
});

test("on a terminal each layer that is on its way has a line of its own, which goes away", async (t) => {
  const made = await setting(t, { delay: 400 }, [3_000_000, 3_000_000, 3_000_000]);
  const words = [process.execPath, BUILT_COMMAND, "--store", "store", "pull", made.reference];
  const child = spawn("script", ["-qec", words.join(" "), "/dev/null"], {
    cwd: made.home,
    env: environmentWithVarve(made.home),
    stdio: ["ignore", "pipe", "ignore"],
  });
  const text: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (piece: string) => text.push(piece));
  t.deepEqual(await once(child, "close"), [0, null]);
  const all = text.join("");
  t.regex(all, /[0-9a-f]{12}: Downloading [\d.]+ [KM]iB\/[\d.]+ MiB\r?\n[0-9a-f]{12}: Downloading/);
  // As many lines up as there were below the first, and no line that wraps.
  t.true(all.includes("\u001b[?7l") && all.includes("\r\u001b[K\u001b[A\u001b[K"));
  t.is(all.match(/: Downloaded /g)?.length, 3);
  t.regex(all, /Pulled image: \S+\r?\n/);
});
