import { mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import type { ContainerStatus } from "../../../core/ports/containers.js";
import { ContainerDirectory } from "../../../overlay/containers/container-directory.js";
import { SettledStatuses } from "../../../overlay/containers/settled-statuses.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";

const ID = "0123456789ab";
const STATUS = { state: "created" } as ContainerStatus;
/** Longer than the clock may stand still. */
const SETTLING_MILLISECONDS = 80;

function makeDirectory(t: ExecutionContext): ContainerDirectory {
  const containers = temporaryDirectory(t);
  for (const name of [ID, "exits"]) mkdirSync(path.join(containers, name));
  return new ContainerDirectory(containers, ID);
}

/** How often the files were read in two looks with something done between. */
async function looks(t: ExecutionContext, between: (directory: ContainerDirectory) => void, isSettled = true): Promise<number> {
  const [statuses, directory] = [new SettledStatuses(), makeDirectory(t)];
  await pause(SETTLING_MILLISECONDS);
  let count = 0;
  const look = (): void => {
    t.is(
      statuses.status(directory, () => {
        count += 1;
        return { status: STATUS, isSettled };
      }),
      STATUS,
    );
  };
  look();
  between(directory);
  look();
  return count;
}

test("status() of a container that stayed as it was is read once", async (t) => {
  t.is(await looks(t, () => undefined), 1);
});

test("status() of one that is not settled is read each time", async (t) => {
  t.is(await looks(t, () => undefined, false), 2);
});

const changes: Readonly<Record<string, (directory: ContainerDirectory) => void>> = {
  "a file has come": (directory) => writeFileSync(directory.file("pid"), "1"),
  "a record was written anew": (directory) => {
    writeFileSync(`${directory.file("container.json")}.new`, "{}");
    rmSync(`${directory.file("container.json")}.new`);
  },
  "an exit code has come": (directory) => directory.writeExitCode(7),
  "the directory's times were set back": (directory) => utimesSync(directory.path, 1, 1),
};
for (const [what, change] of Object.entries(changes)) {
  test(`status() is read again when ${what}`, async (t) => {
    t.is(await looks(t, change), 2);
  });
}

test("status() of what changed a moment ago is read again", (t) => {
  const [statuses, directory] = [new SettledStatuses(), makeDirectory(t)];
  let count = 0;
  for (let look = 0; look < 2; look += 1) {
    statuses.status(directory, () => {
      count += 1;
      return { status: STATUS, isSettled: true };
    });
  }
  t.is(count, 2);
});
