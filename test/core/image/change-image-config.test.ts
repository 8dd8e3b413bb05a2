import test from "ava";
import { changeImageConfig } from "../../../core/image/change-image-config.js";

const changed = (instructions: readonly string[], before: Record<string, unknown> = {}): unknown =>
  changeImageConfig({ config: before }, instructions)?.["config"];

const changes: readonly (readonly [
  why: string,
  instructions: readonly string[],
  wants: unknown,
  before?: Record<string, unknown>,
])[] = [
  ["a list of words", ['CMD ["nginx", "-g", "daemon off;"]'], { Cmd: ["nginx", "-g", "daemon off;"] }],
  ["a line for the shell", ["cmd nginx -g x"], { Cmd: ["/bin/sh", "-c", "nginx -g x"] }],
  ["a list that is none as a line", ["CMD [nginx]"], { Cmd: ["/bin/sh", "-c", "[nginx]"] }],
  ["an entrypoint, which takes another's Cmd away", ['ENTRYPOINT ["a"]'], { Entrypoint: ["a"] }, { Cmd: ["b"] }],
  ["an entrypoint after its Cmd", ['CMD ["b"]', 'ENTRYPOINT ["a"]'], { Cmd: ["b"], Entrypoint: ["a"] }],
  [
    "variables",
    ['ENV A=1 B="x y" C=a\\ b', "ENV D=${A}2 E='$A' F=\"\\$A\""],
    { Env: ["A=1", "B=x y", "C=a b", "D=12", "E=$A", "F=$A"] },
  ],
  ["a variable in the old form", ["ENV A some  text"], { Env: ["A=some text"] }],
  ["a variable anew, in its place", ["ENV A=2"], { Env: ["A=2", "B=1"] }, { Env: ["A=1", "B=1"] }],
  [
    "a PATH that nobody set before",
    ["ENV PATH=/x:$PATH"],
    { Env: ["PATH=/x:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] },
  ],
  ["labels", ['LABEL a.b="c d" e=f'], { Labels: { x: "y", "a.b": "c d", e: "f" } }, { Labels: { x: "y" } }],
  ["ports", ["EXPOSE 80 53/UDP 8000-8001"], { ExposedPorts: { "80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {} } }],
  ["a directory below the one before", ["WORKDIR /a", "WORKDIR b/../c"], { WorkingDir: "/a/c" }],
  ["a user", ["USER 1000:1000"], { User: "1000:1000" }],
  ["a signal", ["STOPSIGNAL SIGQUIT"], { StopSignal: "SIGQUIT" }],
  ["volumes", ['VOLUME ["/a b"]', "VOLUME /c /d"], { Volumes: { "/a b": {}, "/c": {}, "/d": {} } }],
];

for (const [why, instructions, wants, before] of changes) {
  test(`changeImageConfig() sets ${why}`, (t) => t.deepEqual(changed(instructions, before), wants));
}

for (const instruction of [
  "",
  "RUN true",
  "constructor x",
  "CMD",
  "ENV A",
  "ENV =1",
  'ENV A="x',
  "ENV A=${B:-1}",
  "EXPOSE web",
  "EXPOSE 0",
  "EXPOSE 70000",
  "EXPOSE 9-8",
  "STOPSIGNAL NOPE",
  "USER a b",
]) {
  test(`changeImageConfig() refuses ${JSON.stringify(instruction)}`, (t) => {
    t.like(
      t.throws(() => changed([instruction])),
      { code: "USAGE" },
    );
  });
}

test("changeImageConfig() keeps what it does not change, and makes a config where there is none", (t) => {
  const before = { os: "linux", architecture: "arm64", config: { User: "1" }, history: [1] };
  t.deepEqual(changeImageConfig(before, ["CMD x"]), { ...before, config: { User: "1", Cmd: ["/bin/sh", "-c", "x"] } });
  t.is(changeImageConfig(before, []), before);
  t.deepEqual(changeImageConfig(undefined, ["USER 1"]), { os: "linux", config: { User: "1" } });
  t.is(changeImageConfig(undefined, []), undefined);
});
