import { spawnSync } from "node:child_process";
import path from "node:path";
import { testIf } from "../helpers/requirements.js";

const PROGRAM = path.resolve("build/test/fuzz/kernel-sample.js");

testIf(
  "erofs",
  "unshare",
  "sha256sum",
)("what our reader accepts of changed images, the kernel mounts and reads as we do", (t) => {
  const words = ["--mount", "--propagation", "private", process.execPath, PROGRAM, "30", "11"];
  const { stdout, stderr, status } = spawnSync("unshare", words, { encoding: "utf8", timeout: 170_000, killSignal: "SIGKILL" });
  t.is(status, 0, stderr);
  t.deepEqual(JSON.parse(stdout), { tried: 30, mounted: 30, refused: {}, differences: [] });
});
