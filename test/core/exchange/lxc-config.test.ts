import test from "ava";
import { lxcConfig } from "../../../core/exchange/lxc-config.js";
import { readImageConfig } from "../../../core/image/read-image-config.js";
import { memoryTree } from "../../helpers/memory-tree.js";

const TREE = memoryTree([
  { path: "", type: "directory" },
  { path: "etc", type: "directory" },
  { path: "etc/group", type: "file", content: "root:x:0:\nwww:x:33:\n" },
  { path: "etc/passwd", type: "file", content: "root:x:0:0::/:/bin/sh\nweb:x:1000:1001::/:/bin/sh\n" },
]);
const PLACE = { name: "web", directory: "/var/lib/lxc/web", architecture: "amd64" };

/** What stands in the config besides what always does. */
function linesOf(config: object, place = PLACE): { readonly lines: readonly string[]; readonly losses: readonly string[] } {
  const { text, losses } = lxcConfig(undefined, TREE, readImageConfig(config as Readonly<Record<string, unknown>>), place);
  const always = /^(#|lxc\.(include|rootfs\.path|net\.0\.type))/;
  return {
    lines: text
      .trimEnd()
      .split("\n")
      .filter((line) => !always.test(line)),
    losses,
  };
}

test("lxcConfig() without an image config names root, host and processor, and leaves the rest to LXC", (t) => {
  const { text, losses } = lxcConfig(undefined, TREE, readImageConfig(undefined), PLACE);
  t.is(
    text,
    `lxc.include = /usr/share/lxc/config/common.conf
lxc.rootfs.path = dir:/var/lib/lxc/web/rootfs
lxc.uts.name = web
lxc.arch = x86_64
# No network but its own loopback device.
lxc.net.0.type = empty
`,
  );
  t.deepEqual(losses, []);
});

for (const [why, config, lines, losses] of [
  ["takes command and arguments", { Entrypoint: ["/bin/app"], Cmd: ["-v", "x"] }, ["lxc.init.cmd = /bin/app -v x"], 0],
  ["tells of a word with a blank", { Cmd: ["sh", "-c", "echo hi"] }, [], 1],
  ["tells of an empty word", { Cmd: ["app", ""] }, [], 1],
  ["takes variables", { Env: ["A=b c", "E="] }, ["lxc.environment = A=b c", "lxc.environment = E="], 0],
  ["lets no variable write a line of its own", { Env: ["A=b\nlxc.hook.pre-start = /bin/evil"] }, [], 1],
  ["tells of a variable that ends with a blank", { Env: ["A=b "] }, [], 1],
  ["lets no working directory write a line of its own", { WorkingDir: "/a\nlxc.x = y" }, [], 1],
  [
    "takes working directory and signal",
    { WorkingDir: "/srv", StopSignal: "SIGQUIT" },
    ["lxc.init.cwd = /srv", "lxc.signal.halt = SIGQUIT"],
    0,
  ],
  ["takes a user's ids from the tree", { User: "web" }, ["lxc.init.uid = 1000", "lxc.init.gid = 1001"], 0],
  ["takes user and group", { User: "web:www" }, ["lxc.init.uid = 1000", "lxc.init.gid = 33"], 0],
  ["takes numbers", { User: "7:8" }, ["lxc.init.uid = 7", "lxc.init.gid = 8"], 0],
  ["takes the group of a number that the tree knows", { User: "1000" }, ["lxc.init.uid = 1000", "lxc.init.gid = 1001"], 0],
  ["tells of a user that the tree does not know", { User: "nobody" }, [], 1],
  ["tells of a group that the tree does not know", { User: "web:none" }, [], 1],
] as const) {
  test(`lxcConfig() ${why}`, (t) => {
    const found = linesOf({ config });
    t.deepEqual(found.lines, ["lxc.uts.name = web", "lxc.arch = x86_64", ...lines]);
    t.is(found.losses.length, losses, found.losses.join());
  });
}

test("lxcConfig() takes the image's processor, and tells of one that LXC has no name for", (t) => {
  t.true(linesOf({ architecture: "arm64" }).lines.includes("lxc.arch = aarch64"));
  const { lines, losses } = linesOf({ architecture: "vax" });
  t.false(lines.some((line) => line.startsWith("lxc.arch")));
  t.is(losses.length, 1);
});

test("lxcConfig() of a directory whose name would write a line of its own throws UNSUPPORTED", (t) => {
  for (const directory of ["/a\nlxc.hook.pre-start = /bin/evil", "/a "]) {
    t.throws(() => linesOf({}, { ...PLACE, directory }), { code: "UNSUPPORTED" });
  }
});

test("lxcConfig() gives a host name of its own where the container's is none", (t) => {
  t.true(linesOf({}, { ...PLACE, name: "-no_host" }).lines.includes("lxc.uts.name = lxc"));
});
