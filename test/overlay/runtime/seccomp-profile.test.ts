import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { CAPABILITIES } from "../../../core/isolation/capabilities.js";
import { seccompProfile } from "../../../overlay/runtime/seccomp-profile.js";
import { testIf } from "../../helpers/requirements.js";
import { ContainerFixture } from "../container-fixture.js";

/** Asks the kernel and prints each answer's errno: 0 when it took the call. No libc, since the small root may lack what a linker wants. */
const PROBE = `
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
static void tell(const char *name, long result) { printf("%s %d\\n", name, result < 0 ? errno : 0); }
int main(void) {
  tell("unix-socket", socket(1, 1, 0));
  tell("inet-socket", socket(2, 1, 0));
  tell("alg-socket", socket(38, 5, 0));
  tell("nfc-socket-not-filtered", socket(39, 5, 0) < 0 && errno == 1 ? -1 : 0);
  tell("vsock-socket", socket(40, 1, 0));
  tell("unshare-user", syscall(SYS_unshare, CLONE_NEWUSER));
  tell("clone-user", syscall(SYS_clone, CLONE_NEWUSER, 0, 0, 0, 0));
  tell("clone3", syscall(SYS_clone3, 0, 0));
  tell("mount", syscall(SYS_mount, "", "", "", 0, ""));
  tell("fsopen", syscall(430, "tmpfs", 0));
  tell("bpf", syscall(SYS_bpf, 0, 0, 0));
  tell("keyctl", syscall(SYS_keyctl, 0, 0));
  tell("add_key", syscall(SYS_add_key, "user", "x", "x", 1, -3));
  tell("userfaultfd", syscall(SYS_userfaultfd, 0));
  tell("io_uring", syscall(425, 1, 0));
  tell("kexec", syscall(SYS_kexec_load, 0, 0, 0, 0));
  tell("open_by_handle_at", syscall(SYS_open_by_handle_at, 0, 0, 0));
  tell("perf", syscall(SYS_perf_event_open, 0, 0, 0, 0, 0));
  tell("personality-linux", personality(0xffffffff));
  tell("personality-no-randomize", personality(ADDR_NO_RANDOMIZE));
  return 0;
}`;

const ANSWERS: Readonly<Record<string, number>> = {
  "unix-socket": 0,
  "inet-socket": 0,
  "alg-socket": 1,
  "nfc-socket-not-filtered": 0,
  "vsock-socket": 1,
  "unshare-user": 1,
  "clone-user": 1,
  clone3: 38,
  mount: 1,
  fsopen: 1,
  bpf: 1,
  keyctl: 1,
  add_key: 1,
  userfaultfd: 1,
  io_uring: 1,
  kexec: 1,
  open_by_handle_at: 1,
  perf: 1,
  "personality-linux": 0,
  "personality-no-randomize": 1,
};

testIf(
  "erofs",
  "overlay",
  "oci-runtime",
  "mkfs.erofs",
  "gcc",
)("a process in a container gets the kernel's answers that the profile wants", (t) => {
  const fixture = new ContainerFixture();
  try {
    const folder = path.join(fixture.folder, "probe");
    mkdirSync(folder);
    writeFileSync(path.join(folder, "probe.c"), PROBE);
    spawnSync("gcc", ["-static", "-o", path.join(folder, "probe"), path.join(folder, "probe.c")], { stdio: "inherit" });
    chmodSync(path.join(folder, "probe"), 0o755);
    const volumes = [{ source: folder, destination: "/probe", readOnly: true }];
    const { stdout, stderr } = fixture.run("seccomp", { command: ["/probe/probe"], volumes });
    const lines = stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split(" "));
    t.deepEqual(Object.fromEntries(lines.map(([name, errno]) => [name, Number(errno)])), ANSWERS, stderr);
  } finally {
    fixture.dispose();
  }
});

test("seccompProfile() lists no system call twice", (t) => {
  for (const architecture of ["x64", "arm64"]) {
    const names = seccompProfile(architecture, CAPABILITIES)!.syscalls[0]!.names;
    t.is(new Set(names).size, names.length);
    t.true(names.length > 300);
  }
});

test("seccompProfile() covers the 32-bit programs of an architecture, and unknown architectures not at all", (t) => {
  t.deepEqual(seccompProfile("x64", [])!.architectures, ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
  t.deepEqual(seccompProfile("arm64", [])!.architectures, ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
  t.is(seccompProfile("mips", []), undefined);
});
