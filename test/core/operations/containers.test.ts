import test from "ava";
import { createContainer, removeContainers } from "../../../core/operations/container-lifecycle.js";
import { undoOperation } from "../../../core/operations/undo-operation.js";
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
