import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { resolveUser, type UserDatabase } from "../../../overlay/rootfs/container-user.js";

const DATABASE: UserDatabase = {
  passwd:
    "# comment\nroot:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbad:x:0x5:0::/:/bin/sh\nhuge:x:4294967295:0::/:/x\nbroken\n",
  group: "root:x:0:\nstaff:x:50:alice,bob\nwheel:x:10:bob,alice\nagain:x:50:alice\n",
};

const accepted = [
  ["", 0, 0, "", "/root"],
  ["root", 0, 0, "", "/root"],
  ["alice", 1000, 1000, "50 10", "/home/alice"],
  ["1000", 1000, 1000, "50 10", "/home/alice"],
  ["1000:10", 1000, 10, "", "/home/alice"],
  ["alice:staff", 1000, 50, "", "/home/alice"],
  ["1", 1, 0, "", "/"],
  ["77:88", 77, 88, "", "/"],
  ["2147483647:2147483647", 2147483647, 2147483647, "", "/"],
] as const;

for (const [text, uid, gid, groups, home] of accepted) {
  test(`resolveUser() reads ${JSON.stringify(text)} as ${uid}:${gid}`, (t) => {
    t.like(resolveUser(text, DATABASE), { uid, gid, home, groups: groups.split(" ").filter(Boolean).map(Number) });
  });
}

for (const text of [
  "bob",
  "bad",
  "huge",
  "0x0",
  "+0",
  " 1",
  "1 ",
  "-1",
  "01",
  "1e3",
  "2147483648",
  "0:2147483648",
  "4294967295",
  "4294967296",
  "1:",
  ":0",
  ":",
  "1:1:1",
  "1:nobody",
  "broken",
]) {
  test(`resolveUser() refuses ${JSON.stringify(text)}`, (t) => {
    const error = t.throws(() => resolveUser(text, DATABASE), { instanceOf: VarveError });
    t.is(error?.code, "RUNTIME_FAILED");
    t.regex(error?.hint ?? "", /numbers from 0 to 2147483647\.$/);
  });
}

for (const [text, says] of [
  ["bob", /: its \/etc\/passwd has no user "bob"$/],
  ["huge", /: its \/etc\/passwd gives user "huge" no number that can be used$/],
  ["0:2147483648", /: 2147483648 is too high a number$/],
  ["1:nobody", /: its \/etc\/group has no group "nobody"$/],
] as const) {
  test(`resolveUser() of ${text} says ${says.source}`, (t) => {
    t.throws(() => resolveUser(text, DATABASE), { message: says });
  });
}
