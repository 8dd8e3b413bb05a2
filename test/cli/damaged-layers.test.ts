import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { patch, truncate } from "../helpers/filled-store.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { varve } from "./built-command.js";

const BLOCK_BYTES = 4096;
/** Of the device table in block 0. */
const FIRST_SLOT = 1152;
const BIG = "big content ".repeat(2000);

interface Tracked {
  readonly cwd: string;
  readonly home: string;
  /** Image of the first commit, which holds "big". */
  readonly lender: string;
  /** Of the second, which changed its mode. */
  readonly borrower: string;
}

let template: Tracked;

test.before((t) => {
  const home = mkdtempSync(path.join(os.tmpdir(), "varve-damaged-"));
  const cwd = path.join(home, "tracked");
  mkdirSync(cwd);
  const call = (...words: string[]) => t.is(varve(words, { cwd, home }).status, 0);
  const images = (): string[] => readdirSync(path.join(cwd, ".varve/layers/sha256"));
  call("init");
  writeFileSync(path.join(cwd, "big"), BIG);
  writeFileSync(path.join(cwd, "small"), "small");
  call("commit", "-m", "first");
  const [lender = ""] = images();
  chmodSync(path.join(cwd, "big"), 0o600);
  call("commit", "-m", "second\n\nwith a body");
  const borrower = images().find((name) => name !== lender) ?? "";
  writeFileSync(path.join(cwd, "small"), "changed");
  template = { cwd, home, lender, borrower };
});

test.after.always(() => rmSync(template.home, { recursive: true, force: true }));

/** A store of its own for each damage. */
function tracked(t: ExecutionContext): Tracked {
  const home = temporaryDirectory(t);
  const cwd = path.join(home, "tracked");
  cpSync(template.cwd, cwd, { recursive: true, preserveTimestamps: true });
  const image = (id: string): string => path.join(cwd, ".varve/layers/sha256", id);
  return { cwd, home, lender: image(template.lender), borrower: image(template.borrower) };
}

/** Where a damage lies: whoever opens the image meets it, or who reads that content alone. */
type Met = "opened" | "read";

interface Damage {
  readonly what: string;
  readonly met: Met;
  /** Which image the failure names. */
  readonly blames: "lender" | "borrower";
  readonly damage: (store: Tracked) => void;
}

const sizeOf = (file: string): number => statSync(file).size;

const DAMAGES: readonly Damage[] = [
  { what: "a lender cut off in its superblock", met: "opened", blames: "lender", damage: ({ lender }) => truncate(lender, 1100) },
  {
    what: "a layer cut off in its device table",
    met: "opened",
    blames: "borrower",
    damage: ({ borrower }) => truncate(borrower, 1200),
  },
  { what: "a lender cut off in its data", met: "opened", blames: "lender", damage: ({ lender }) => truncate(lender, 9000) },
  {
    what: "a lender cut off in its metadata",
    met: "opened",
    blames: "lender",
    damage: ({ lender }) => truncate(lender, sizeOf(lender) - BLOCK_BYTES + 200),
  },
  { what: "a lender of no bytes", met: "opened", blames: "lender", damage: ({ lender }) => truncate(lender, 0) },
  { what: "a changed byte of a superblock", met: "opened", blames: "lender", damage: ({ lender }) => patch(lender, 1024 + 16) },
  {
    what: "a changed byte of a device table",
    met: "opened",
    blames: "borrower",
    damage: ({ borrower }) => patch(borrower, FIRST_SLOT + 10, Buffer.from("g")),
  },
  {
    what: "a changed byte of the metadata",
    met: "opened",
    blames: "lender",
    damage: ({ lender }) => patch(lender, sizeOf(lender) - BLOCK_BYTES + 128 + 40),
  },
  { what: "a changed byte of the data", met: "read", blames: "lender", damage: ({ lender }) => patch(lender, BLOCK_BYTES + 100) },
  { what: "a lender that is missing", met: "opened", blames: "lender", damage: ({ lender }) => rmSync(lender) },
  {
    what: "a lender that is another layer's file",
    met: "opened",
    blames: "lender",
    damage: ({ lender, borrower }) => {
      rmSync(lender);
      copyFileSync(borrower, lender);
    },
  },
];

interface Call {
  readonly words: readonly string[];
  /** Whether it reads the contents of "big". */
  readonly reads: boolean;
}

const CALLS: readonly Call[] = [
  { words: ["status"], reads: false },
  { words: ["diff"], reads: false },
  { words: ["diff", "HEAD~1", "HEAD"], reads: false },
  { words: ["ls", "-l", "HEAD"], reads: false },
  { words: ["cat", "HEAD:big"], reads: true },
  { words: ["checkout", "HEAD", "../out"], reads: true },
  { words: ["export", "HEAD", "-o", "../out.tar"], reads: true },
  // Last: where they are not refused they change something.
  { words: ["commit", "-m", "third"], reads: false },
  { words: ["rollback", "HEAD~1"], reads: false },
];

for (const { what, met, blames, damage } of DAMAGES) {
  test(`${what} is refused with LAYER_CORRUPT by every command that meets it`, (t) => {
    const store = tracked(t);
    const { cwd, home } = store;
    damage(store);
    const head = readFileSync(path.join(cwd, ".varve/git/refs/heads/main"), "utf8");
    for (const { words, reads } of CALLS) {
      const isRefused = met === "opened" || reads;
      const { status, stderr } = varve(words, { cwd, home });
      t.is(status, isRefused ? 15 : 0, `${words.join(" ")}: ${stderr}`);
      if (!isRefused) continue;
      t.regex(stderr, /^varve: error: Cannot [^\n]+: [^\n]+\nvarve: path: [^\n]+\n(varve: commit: [^\n]+\n)+varve: hint: /);
      t.true(stderr.includes(`varve: path: ${store[blames]}\n`), stderr);
      t.regex(
        stderr,
        blames === "lender"
          ? /varve: commit: [0-9a-f]{10} second\nvarve: commit: [0-9a-f]{10} first\n/
          : /varve: commit: [0-9a-f]{10} second\n/,
      );
      t.is(readFileSync(path.join(cwd, ".varve/git/refs/heads/main"), "utf8"), head);
    }
    // Nothing that looks whole is left of what was refused.
    t.deepEqual(
      readdirSync(home).filter((name) => name.startsWith("out.tar")),
      [],
    );
    const out = path.join(home, "out", "big");
    t.is(statSync(out, { throwIfNoEntry: false }), undefined);
    t.is(readFileSync(path.join(cwd, "small"), "utf8"), met === "opened" ? "changed" : "small");
  });
}

test("a failure in JSON has the commits that need the layer", (t) => {
  const store = tracked(t);
  truncate(store.lender, 0);
  const { stdout, stderr, status } = varve(["--json", "status"], store);
  t.is(status, 15);
  t.is(stderr, "");
  const { error } = JSON.parse(stdout) as { readonly error: Record<string, unknown> };
  t.like(error, { code: "LAYER_CORRUPT", path: store.lender, moreCommits: 0 });
  t.deepEqual(
    (error["commits"] as readonly { readonly message: string }[]).map(({ message }) => message),
    ["second\n\nwith a body", "first"],
  );
});

test("restoring the image from a backup makes all well", (t) => {
  const store = tracked(t);
  const backup = path.join(store.home, "backup");
  copyFileSync(store.lender, backup);
  truncate(store.lender, 9000);
  t.is(varve(["status"], store).status, 15);
  rmSync(store.lender);
  copyFileSync(backup, store.lender);
  t.is(varve(["status"], store).status, 0);
  t.is(varve(["fsck"], store).status, 0);
});
