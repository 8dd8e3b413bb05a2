import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { tinyImage } from "../../overlay/mounts/tiny-image.js";
import type { Probe } from "../../overlay/probes.js";
import { testIf } from "../helpers/requirements.js";

const MODULE = fileURLToPath(new URL("../../overlay/probes.js", import.meta.url));

function probe(folder: string, ...prefix: readonly string[]): readonly Probe[] {
  const script = `import { probeMachine } from ${JSON.stringify(MODULE)}; console.log(JSON.stringify(probeMachine(${JSON.stringify(folder)})));`;
  const [program, ...words] = [...prefix, process.execPath, "--input-type=module", "-e", script];
  const { stdout, stderr } = spawnSync(program, words, { encoding: "utf8" });
  if (stdout === "") throw new TypeError(stderr);
  return JSON.parse(stdout) as readonly Probe[];
}

testIf(
  "erofs",
  "overlay",
  "oci-runtime",
)("probeMachine() finds what this machine has and leaves nothing behind", (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "varve-doctor-"));
  const probes = probe(folder);
  for (const name of ["kernel", "mount namespace", "overlayfs", "erofs", "cgroups", "seccomp"]) {
    t.like(
      probes.find((each) => each.name === name),
      { ok: true, hint: undefined },
      name,
    );
  }
  t.true(probes.some(({ name, ok }) => name.startsWith("runtime ") && ok));
  t.deepEqual(readdirSync(folder), []);
  rmSync(folder, { recursive: true });
});

testIf("root", "setpriv")("probeMachine() without privileges fails with hints, and does not throw", (t) => {
  const probes = probe("/tmp", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs");
  for (const name of ["mount namespace", "overlayfs", "erofs"]) t.false(probes.find((each) => each.name === name)?.ok, name);
  t.deepEqual(
    probes.filter(({ ok, hint }) => !ok && !hint),
    [],
  );
});

testIf("fsck.erofs")("tinyImage() is an image that fsck.erofs accepts", (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "varve-tiny-"));
  writeFileSync(path.join(folder, "image"), tinyImage());
  const { status, stderr } = spawnSync("fsck.erofs", [path.join(folder, "image")], { encoding: "utf8" });
  t.is(status, 0, stderr);
  rmSync(folder, { recursive: true });
});
