import test from "ava";
import { commandOn, readImageConfig } from "../../../core/image/read-image-config.js";

test("readImageConfig() reads what a process is started with", (t) => {
  const config = {
    Entrypoint: ["a"],
    Cmd: null,
    Env: ["A=1=2", "NOTHING", "=x"],
    WorkingDir: "app/../srv",
    User: "",
    Labels: { a: "b" },
    ExposedPorts: { "80/tcp": {} },
    Volumes: { "data/x/": {}, "/a/../b": null, "": {}, "/\0": {} },
    StopSignal: "SIGQUIT",
  };
  t.deepEqual(readImageConfig({ os: "linux", architecture: "arm64", config }), {
    entrypoint: ["a"],
    command: [],
    environment: ["A=1=2"],
    workingDirectory: "/srv",
    user: undefined,
    labels: { a: "b" },
    exposedPorts: ["80/tcp"],
    volumes: ["/data/x", "/b"],
    stopSignal: "SIGQUIT",
    platform: { os: "linux", architecture: "arm64" },
  });
});

test("readImageConfig() of nothing leaves all open", (t) => {
  for (const config of [undefined, {}, { config: null }]) {
    t.like(readImageConfig(config), {
      entrypoint: [],
      command: [],
      environment: [],
      labels: {},
      volumes: [],
      platform: undefined,
    });
  }
});

for (const [why, config] of [
  ["a command that is no list", { Cmd: "sh" }],
  ["a command of numbers", { Cmd: [1] }],
  ["a variable with NUL", { Env: ["A=\0"] }],
  ["a user that is a number", { User: 0 }],
  ["labels of lists", { Labels: { a: [] } }],
  ["labels that are a list", { Labels: [] }],
] as const) {
  test(`readImageConfig() refuses ${why}`, (t) => {
    t.like(
      t.throws(() => readImageConfig({ config })),
      { code: "SOURCE_INVALID" },
    );
  });
}

const image = { entrypoint: ["e", "f"], command: ["c"] };
for (const [why, given, wants] of [
  ["nothing", { entrypoint: undefined, words: [] }, ["e", "f", "c"]],
  ["words", { entrypoint: undefined, words: ["w"] }, ["e", "f", "w"]],
  ["an entrypoint", { entrypoint: "x", words: [] }, ["x"]],
  ["an entrypoint and words", { entrypoint: "x", words: ["w"] }, ["x", "w"]],
  ["an empty entrypoint and words", { entrypoint: "", words: ["w"] }, ["w"]],
  ["an empty entrypoint", { entrypoint: "", words: [] }, []],
] as const) {
  test(`commandOn() of ${why} is as in docker`, (t) => t.deepEqual(commandOn(image, given), wants));
}
