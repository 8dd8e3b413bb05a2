import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { VarveError } from "../../core/errors.js";
import { exclusively, lockHolder, type LockHolder } from "../../store/store-lock.js";
import type { StoreLayout } from "../../store/store-layout.js";
import { temporaryStore } from "../helpers/temporary-store.js";

const HOLD = `
  const [lock, layout, root] = process.argv.slice(1);
  const { exclusively } = await import(lock);
  const { storeLayout } = await import(layout);
  await exclusively(storeLayout(root), async () => {
    console.log("held");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }, { command: "commit -m 'two\\nlines'" });
`;

/** Another process that holds the lock until it is killed. */
async function holder(t: ExecutionContext, layout: StoreLayout): Promise<ChildProcess> {
  const modules = ["store-lock", "store-layout"].map((name) => new URL(`../../store/${name}.js`, import.meta.url).pathname);
  const child = spawn(process.execPath, ["--input-type=module", "-e", HOLD, ...modules, layout.root], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

test("exclusively() gives back what the work gave, and frees the lock, also after a failure", async (t) => {
  const layout = temporaryStore(t);
  t.is(await exclusively(layout, async () => 7), 7);
  await t.throwsAsync(
    exclusively(layout, async () => Promise.reject(new RangeError("mine"))),
    { message: "mine" },
  );
  t.is(await exclusively(layout, async () => 8, { wait: false }), 8);
  t.is(readFileSync(layout.lock, "utf8"), "");
});

test("exclusively() lets two works of one process run one after the other", async (t) => {
  const layout = temporaryStore(t);
  const events: string[] = [];
  const work = (name: string) => async (): Promise<void> => {
    events.push(`${name} begins`);
    await sleep(30);
    events.push(`${name} ends`);
  };
  await Promise.all([exclusively(layout, work("a")), exclusively(layout, work("b"))]);
  t.deepEqual(events, ["a begins", "a ends", "b begins", "b ends"]);
});

test("exclusively() with wait: false throws STORE_LOCKED, and says who holds the lock", async (t) => {
  const layout = temporaryStore(t);
  const child = await holder(t, layout);
  const error = await t.throwsAsync(
    exclusively(layout, async () => 0, { wait: false }),
    { instanceOf: VarveError },
  );
  t.is(error?.code, "STORE_LOCKED");
  t.true(error?.message.includes(String(child.pid)));
  t.deepEqual(lockHolder(layout), { pid: child.pid, command: "commit -m 'two lines'" } as LockHolder);
});

test("exclusively() waits, tells once whom it waits for, and goes on when that process is killed", async (t) => {
  const layout = temporaryStore(t);
  const child = await holder(t, layout);
  const told: (LockHolder | undefined)[] = [];
  const waiting = exclusively(layout, async () => "done", { onWait: (who) => told.push(who) });
  await sleep(1500);
  t.deepEqual(
    told.map((who) => who?.pid),
    [child.pid],
  );
  child.kill("SIGKILL");
  t.is(await waiting, "done");
});

test("exclusively() in twenty processes at once loses no turn", async (t) => {
  const layout = temporaryStore(t);
  const counter = `${layout.root}/counter`;
  const count = `
    const { exclusively } = await import(process.argv[1]);
    const { storeLayout } = await import(process.argv[2]);
    const fs = await import("node:fs");
    for (let times = 0; times < 3; times += 1) await exclusively(storeLayout(process.argv[3]), async () => {
      const read = fs.existsSync(process.argv[4]) ? Number(fs.readFileSync(process.argv[4], "utf8")) : 0;
      await new Promise((resolve) => setTimeout(resolve, 1));
      fs.writeFileSync(process.argv[4], String(read + 1));
    });`;
  const modules = ["store-lock", "store-layout"].map((name) => new URL(`../../store/${name}.js`, import.meta.url).pathname);
  const words = ["--input-type=module", "-e", count, ...modules, layout.root, counter];
  const children = Array.from({ length: 20 }, () => once(spawn(process.execPath, words, { stdio: "inherit" }), "exit"));
  t.deepEqual(new Set((await Promise.all(children)).map(([status]) => status as number)), new Set([0]));
  t.is(readFileSync(counter, "utf8"), "60");
});
