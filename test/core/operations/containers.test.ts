import test from "ava";
import { createContainer, removeContainers } from "../../../core/operations/container-lifecycle.js";
import { undoOperation } from "../../../core/operations/undo-operation.js";
import type { History } from "../../../core/ports/history.js";
import type { Repository } from "../../../core/ports/repository.js";
import { CONFIGURATION } from "../../helpers/container-configuration.js";
import { filledStore } from "../../helpers/filled-store.js";

test("removeContainers() is one operation, which one undo takes back", async (t) => {
  const { repository, first } = await filledStore(t);
  const names = (): string[] => repository.containers.list().map(({ record }) => record.name);
  const made = [];
  for (const name of ["a", "b"]) {
    made.push(
      await createContainer(repository, { name, commit: first, configuration: CONFIGURATION, command: `create ${name}` }),
    );
  }
  await removeContainers(repository, [...made, made[0]!], { command: "rm a b a" });
  t.deepEqual(names(), ["web"]);
  t.is((await undoOperation(repository, { command: "undo" })).undone.command, "rm a b a");
  t.deepEqual(names().sort(), ["a", "b", "web"]);
  t.truthy(await repository.history.readRef("refs/heads/b" as never));
});

test("removeContainers() that forgets leaves nothing to undo of their making", async (t) => {
  const { repository, first } = await filledStore(t);
  const record = await createContainer(repository, {
    name: "gone",
    commit: first,
    configuration: CONFIGURATION,
    command: "create gone",
  });
  await removeContainers(repository, [record], { command: "rm --forget gone", forget: true });
  t.is(await repository.history.readRef("refs/heads/gone" as never), undefined);
  t.is((await undoOperation(repository, { command: "undo" })).undone.command, "commit -m third");
});

test("createContainer() of one that passes leaves no branch when it was killed, and nothing when it fails", async (t) => {
  const { repository, first } = await filledStore(t);
  const names = (): readonly string[] => repository.containers.list().map(({ record }) => record.name);
  const refs = async (): Promise<readonly string[]> => (await repository.history.listRefs("refs/")).map(({ name }) => name);
  const before = await refs();
  // The one that never ends has the lock.
  const unlocked: Repository = { ...repository, exclusively: (work) => work() };
  const draft = { name: "gone", commit: first, configuration: CONFIGURATION, command: "run --rm", passing: true };
  const { history } = repository;
  const failing = async (updateRefs: () => Promise<never>): Promise<unknown> => {
    const own = (_: History, key: keyof History): unknown => (key === "updateRefs" ? updateRefs : history[key]?.bind(history));
    return createContainer({ ...unlocked, history: new Proxy(history, { get: own as never }) }, draft);
  };
  await t.throwsAsync(
    failing(() => Promise.reject(new Error("no space"))),
    { message: "no space" },
  );
  t.deepEqual(names(), ["web"]);

  // What never comes back stands for the kill: whatever comes after it does not happen.
  const record = await new Promise<{ readonly id: string }>((resolve) => {
    void failing(() => {
      resolve(repository.containers.find("gone").record);
      return new Promise(() => undefined);
    });
  });
  t.deepEqual(await refs(), before);
  await removeContainers(unlocked, [record], { command: "rm gone" });
  t.deepEqual(names(), ["web"]);
  t.deepEqual(await refs(), before, "nothing of it was to be kept");
});
