import { execFileSync } from "node:child_process";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../../helpers/requirements.js";
import { ContainerFixture } from "../container-fixture.js";

const runtimeTest = testIf("erofs", "overlay", "oci-runtime", "mkfs.erofs", "setfattr");
let fixture: ContainerFixture;
runtimeTest.before(() => {
  fixture = new ContainerFixture();
});
runtimeTest.after.always(() => fixture?.dispose());

/** Runs a container that writes to one name of a hardlinked file and shows the other, then copies it. @returns The copy's directory. */
function copyOfWritten(t: ExecutionContext, name: string): string {
  const script = "echo written >> /data/one-name; cat /data/other-name; stat -c %h /data/other-name";
  t.is(fixture.run(name, { command: ["/bin/sh", "-c", script] }).stdout, "of two names\nwritten\n2\n");
  const copy = path.join(fixture.folder, `copy of ${name}`);
  execFileSync("cp", ["-a", fixture.directory, copy]);
  return copy;
}

runtimeTest("run() of a copied container finds what the original wrote, hardlinks included", (t) => {
  const directory = copyOfWritten(t, "copied");
  const again = fixture.act({ action: "run", name: "copied", directory });
  t.is(again.stdout, "of two names\nwritten\nwritten\n2\n", JSON.stringify(again.error));
  t.is(fixture.act({ action: "run", name: "copied", directory }).stdout, "of two names\nwritten\nwritten\nwritten\n2\n");
  t.is(fixture.start("copied").stdout, "of two names\nwritten\nwritten\n2\n", "and the original goes on by itself");
});

runtimeTest("run() over other layers than the container was written on throws MOUNT_UNAVAILABLE, and loses nothing", (t) => {
  const directory = copyOfWritten(t, "moved");
  const record = fixture.status("moved")!.record;
  const upper = path.join(directory, record.id, "upper.1");
  const handle = execFileSync("getfattr", ["-n", "trusted.overlay.origin", "-e", "hex", upper], { encoding: "utf8" });
  const other = /0x[0-9a-f]+/.exec(handle)![0].replace(/.{4}$/, "ffff");
  execFileSync("setfattr", ["-n", "trusted.overlay.origin", "-v", other, upper]);
  const { error } = fixture.act({ action: "run", name: "moved", directory });
  t.is(error?.code, "MOUNT_UNAVAILABLE");
  t.regex(error?.message ?? "", /belongs to other layers$/);
  t.regex(error?.hint ?? "", /"varve commit CONTAINER" keeps all/);
  execFileSync("setfattr", ["-n", "trusted.overlay.origin", "-v", /0x[0-9a-f]+/.exec(handle)![0], upper]);
  t.regex(fixture.act({ action: "run", name: "moved", directory }).stdout, /^of two names\nwritten\nwritten\n2\n$/);
});
