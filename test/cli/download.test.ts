// Archives that come from URLs.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import http, { type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { startProxy } from "../helpers/local-proxy.js";
import { userStore } from "../helpers/user-store.js";
import { BUILT_COMMAND, environmentWithVarve } from "./built-command.js";
import { interrupted } from "./interrupted-command.js";

const execute = promisify(execFile);

interface Failed {
  readonly code: number;
  readonly stderr: string;
}

interface Fixture {
  readonly home: string;
  readonly store: string;
  readonly url: (name: string) => string;
  /** Variables of all commands, besides what each test has. */
  readonly env: NodeJS.ProcessEnv;
  /** @returns stdout, or how it failed. */
  readonly run: (...words: readonly string[]) => Promise<string | Failed>;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
}

async function fixture(t: ExecutionContext): Promise<Fixture> {
  const { home, store, ok } = userStore(t, undefined);
  ok("save", "base", "--name", "team/base:1", "-o", "image.tar");
  const tar = readFileSync(path.join(home, "root.tar"));
  const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
    "/root.tar": (response) => response.end(tar),
    "/image.tar": (response) => response.end(readFileSync(path.join(home, "image.tar"))),
    "/there": (response) => response.writeHead(302, { location: "root.tar" }).end(),
    "/circle": (response) => response.writeHead(302, { location: "circle" }).end(),
    "/file": (response) => response.writeHead(302, { location: "file:///etc/passwd" }).end(),
    "/password": (response) => response.writeHead(302, { location: "http://user:secret@127.0.0.1:1/x" }).end(),
    // As what a proxy was asked for.
    "http://elsewhere.test/here": (response) => response.writeHead(302, { location: "http://127.0.0.1:1/x" }).end(),
    "/silence": () => undefined,
    "/stops": (response) => response.writeHead(200, { "content-length": tar.length }).write(tar.subarray(0, 1000)),
    "/denied": (response) => response.writeHead(403).end(),
    "/cut": (response) => {
      response.writeHead(200, { "content-length": tar.length });
      response.write(tar.subarray(0, tar.length / 2), () => response.destroy());
    },
  };
  const asked: string[] = [];
  const server = http.createServer(({ url = "" }, response) => {
    asked.push(url);
    const answer = answers[url];
    if (answer === undefined) response.writeHead(404).end();
    else answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const env = { ...environmentWithVarve(home), http_proxy: `http://127.0.0.1:${port}` };
  return {
    home,
    store,
    env,
    asked,
    url: (name) => `http://127.0.0.1:${port}/${name}`,
    run: async (...words) => {
      try {
        return (await execute(process.execPath, [BUILT_COMMAND, "--store", store, ...words], { cwd: home, env })).stdout;
      } catch (error) {
        return error as Failed;
      }
    },
  };
}

test("import and load take a URL, and follow where it leads", async (t) => {
  const { url, run } = await fixture(t);
  for (const [name, branch] of [
    ["root.tar", "one"],
    ["there", "two"],
  ] as const) {
    t.is(await run("import", url(name), "-b", branch), "");
    t.is(await run("diff", "--exit-code", "base", branch), "");
  }
  t.is(await run("load", url("image.tar")), "Loaded image: team/base:1\n");
  t.is(await run("diff", "--exit-code", "base", "team/base:1"), "");
});

const failures: Readonly<Record<string, readonly [code: number, message: RegExp]>> = {
  missing: [40, /the server has nothing there \(404\)/],
  denied: [42, /answers with status 403/],
  circle: [42, /leads on more than 5 times/],
  file: [42, /leads to a file: URL/],
  cut: [42, /aborted|ended early/],
  password: [42, /leads to a URL with a password/],
};

test("what a URL does not give makes no branch", async (t) => {
  const { url, run } = await fixture(t);
  for (const [name, [code, message]] of Object.entries(failures)) {
    const failed = (await run("import", url(name), "-b", "none")) as Failed;
    t.is(failed.code, code, `${name}: ${failed.stderr}`);
    t.regex(failed.stderr, message, name);
    t.notRegex(failed.stderr, /secret/);
  }
  t.is(((await run("import", "http://127.0.0.1:1/x", "-b", "none")) as Failed).code, 42);
  t.is(((await run("import", "http://user:password@127.0.0.1/x", "-b", "none")) as Failed).code, 2);
  t.notRegex((await run("branch")) as string, /none/);
});

test("a URL is read through the proxy of HTTP_PROXY", async (t) => {
  const { url, env, run } = await fixture(t);
  const proxy = await startProxy(t, { hosts: { "archives.test": new URL(url("")).host } });
  env["http_proxy"] = undefined;
  env["HTTP_PROXY"] = proxy.host;
  t.is(await run("import", "http://archives.test/root.tar", "-b", "one"), "");
  t.is(await run("load", "http://archives.test/image.tar"), "Loaded image: team/base:1\n");
  t.is(await run("diff", "--exit-code", "base", "one"), "");
  t.deepEqual(proxy.asked, ["GET http://archives.test/root.tar", "GET http://archives.test/image.tar"]);
});

test("URLs of other kinds are told from files, and from names of images", async (t) => {
  const { run } = await fixture(t);
  for (const [verb, words, message] of [
    [
      "import",
      ["ftp://127.0.0.1/x.tar"],
      /Cannot import "ftp:.*": wanted a URL that begins with http:\/\/ or https:\/\/\n.*through a pipe/,
    ],
    ["load", ["file:///x.tar"], /Cannot load "file:.*": wanted a URL that begins with http:/],
    ["pull", ["https://127.0.0.1/team/web:1"], /it is a URL, wanted a name without "https:\/\/"/],
    ["pull", ["docker://team/web:1"], /it is a URL, wanted a name without "docker:\/\/"/],
  ] as const) {
    const failed = (await run(verb, ...words)) as Failed;
    t.is(failed.code, 2, failed.stderr);
    t.regex(failed.stderr, message);
  }
});

test("a URL elsewhere does not lead to services of this machine", async (t) => {
  const { run, asked } = await fixture(t);
  const failed = (await run("import", "http://elsewhere.test/here", "-b", "none")) as Failed;
  t.is(failed.code, 42, failed.stderr);
  t.regex(failed.stderr, /"http:\/\/elsewhere.test\/here": it leads to this machine, 127\.0\.0\.1:1/);
  t.deepEqual(asked, ["http://elsewhere.test/here"]);
});

for (const name of ["silence", "stops"]) {
  test(`SIGINT ends an import from a URL that gives nothing (${name}) with 130`, async (t) => {
    const { home, store, url, asked, run } = await fixture(t);
    const words = ["--store", store, "import", url(name), "-b", "none"];
    const { status, stderr } = await interrupted({ home, words, signal: "SIGINT", when: () => asked.length > 0 });
    t.is(status, 130, stderr);
    t.regex(stderr, /^varve: error: Cannot finish /);
    t.notRegex((await run("branch")) as string, /none/);
  });
}
