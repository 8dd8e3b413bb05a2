// What a registry says of an image that no registry should say, against the command as people get it.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { serve } from "../helpers/hostile-registry.js";
import { descriptorOf, manifestOf, OCI_MANIFEST, sha256Of } from "../helpers/pushed-image.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { archive, file } from "../store/tar/raw-tar.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";

const execute = promisify(execFile);
const LAYER = archive(file("etc-motd", "hi"));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Fixture {
  readonly image: string;
  /** What was asked for, as `METHOD PATH`. */
  readonly asked: () => readonly string[];
  readonly run: (...words: readonly string[]) => Promise<Ended>;
}

/** A store, and a registry with one image that has one layer. */
async function registryWith(t: ExecutionContext, config: Buffer): Promise<Fixture> {
  const manifest = manifestOf(config, [LAYER]);
  const blobs = new Map([config, LAYER].map((blob) => [sha256Of(blob), blob]));
  const { host, received } = await serve(t, ({ url = "" }, response) => {
    const name = url.slice(url.lastIndexOf("/") + 1);
    if (url.endsWith("/manifests/v1")) response.writeHead(200, { "content-type": OCI_MANIFEST }).end(manifest);
    else if (blobs.has(name)) response.end(blobs.get(name));
    else response.writeHead(404).end();
  });
  const home = temporaryDirectory(t);
  const env = environmentWithVarve(home);
  const command = [BUILT_COMMAND, "--store", path.join(home, "store")];
  const run = async (...words: readonly string[]): Promise<Ended> => {
    try {
      return { code: 0, ...(await execute(process.execPath, [...command, ...words], { cwd: home, env, timeout: 60_000 })) };
    } catch (error) {
      return error as unknown as Ended;
    }
  };
  t.is((await run("init", "--shared")).code, 0);
  return { image: `${host}/team/app:v1`, run, asked: () => received.map((text) => text.slice(0, text.indexOf("\n"))) };
}

const rest = `"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":["${descriptorOf(LAYER).digest}"]}`;

const configs: Readonly<Record<string, readonly [config: string | Buffer, says: RegExp]>> = {
  "a key twice": [`{"config":{"Cmd":["a"]},"config":{"Cmd":["b"]},${rest}}`, /has a key twice/],
  "100,000 levels": [`{"x":${"[".repeat(1e5)}${"]".repeat(1e5)},${rest}}`, /is nested deeper/],
  "bytes that are no UTF-8": [Buffer.from(`{"config":{"Cmd":["\xff\xfe"]},${rest}}`, "latin1"), /is no JSON/],
  "a byte order mark": [`\ufeff{${rest}}`, /is no JSON/],
};

for (const [what, [config, says]] of Object.entries(configs)) {
  test(`a config with ${what} is refused before any layer is asked for`, async (t) => {
    const { image, run, asked } = await registryWith(t, Buffer.from(config));
    const { code, stderr } = await run("pull", image);
    t.is(code, 82, stderr);
    t.regex(stderr, says);
    t.false(asked().some((line) => line.endsWith(sha256Of(LAYER))));
    t.is((await run("images", "--json")).stdout, "[]\n");
  });
}

test("an entry of an image's history with control characters, a NUL and half a pair is taken, and known again", async (t) => {
  const history = [{ created_by: `\u001b[2Ja\0b\ud800 ${"x".repeat(4000)}` }];
  const { image, run, asked } = await registryWith(t, Buffer.from(`{"history":${JSON.stringify(history)},${rest}}`));
  const first = await run("pull", image);
  t.is(first.code, 0, first.stderr);
  const [commit] = JSON.parse((await run("log", "--json", image)).stdout) as [{ readonly message: string }];
  t.true(commit.message.startsWith("\ufffd[2Ja\ufffdb\ufffd xxx"), commit.message.slice(0, 20));

  const again = await run("pull", image);
  t.is(again.code, 0, again.stderr);
  t.notRegex(again.stderr, /commit new/);
  t.is(asked().filter((line) => line.endsWith(sha256Of(LAYER))).length, 1);
});
