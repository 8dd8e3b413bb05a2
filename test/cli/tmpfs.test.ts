import { ordinaryUser } from "../helpers/ordinary-user.js";
import { testIf } from "../helpers/requirements.js";
import { userStore } from "../helpers/user-store.js";

for (const [who, user, test] of [
  ["root", undefined, testIf("oci-runtime", "overlay", "erofs").serial],
  ["an ordinary user", ordinaryUser(), testIf("oci-runtime", "overlay", "ordinary-user").serial],
] as const) {
  test(`${who}: a new tmpfs may be written to by any user, or has the mode that is given; a place of the image keeps its own`, (t) => {
    const { ok } = userStore(t, user);
    const script = "stat -c %a /deep/scratch /deep /own /root; touch /deep/scratch/x && echo ok";
    const places = ["--tmpfs", "/deep/scratch", "--tmpfs", "/own:mode=2750", "--tmpfs", "/root"];
    const told = ok("run", "--rm", "-u", "1000", ...places, "base", "--", "sh", "-c", `umask 077; ${script}`);
    t.is(told, "1777\n755\n2750\n755\nok\n");
  });
}
