import test from "ava";
import { largestRange } from "../../../overlay/rootless/subordinate-ids.js";

const ALICE = { name: "alice", uid: 1000 };

const texts: readonly { readonly what: string; readonly text: string; readonly wants: ReturnType<typeof largestRange> }[] = [
  { what: "by name", text: "bob:1:2\nalice:100000:65536\n", wants: { first: 100_000, count: 65_536 } },
  { what: "by number", text: "1000:300000:10\n", wants: { first: 300_000, count: 10 } },
  { what: "of several the largest", text: "alice:5:10\nalice:100:20\nalice:7:3\n", wants: { first: 100, count: 20 } },
  { what: "of another user none", text: "alice2:5:10\n10000:5:10\n", wants: undefined },
  { what: "of an empty file none", text: "", wants: undefined },
  {
    what: "of lines of another form none",
    text: "alice\nalice:x:10\nalice:5:-1\nalice:5:10:1\nalice::\nalice:5:99999999999\n#alice:5:10\n",
    wants: undefined,
  },
  { what: "of lines with spaces or a carriage return none", text: " alice:5:10\nalice:5:10 \nalice:5:10\r\n", wants: undefined },
  { what: "below the kernel's -1", text: "alice:4294967290:100\n", wants: { first: 4_294_967_290, count: 5 } },
  { what: "beside the user's own", text: "alice:0:4294967295\n", wants: { first: 0, count: 4_294_967_294 } },
  { what: "of a range of -1 alone none", text: "alice:4294967295:1\n", wants: undefined },
  { what: "of an empty range none", text: "alice:5:0\n", wants: undefined },
];

for (const { what, text, wants } of texts) {
  test(`largestRange() gives the ids ${what}`, (t) => t.deepEqual(largestRange(text, ALICE), wants));
}
