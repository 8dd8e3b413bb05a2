// What the crash tests kill: one commit, then one update of four refs and one line in the operation log.
// node commit-subject.js STORE  →  prints "begun" before it changes anything, the commit's id once all of it is durable
import type { RefName } from "../../core/model/ids.js";
import { gitHistory } from "../../store/git/git-history.js";
import { openStore } from "../../store/open-store.js";
import { fileOperationLog } from "../../store/operation-log/file-operation-log.js";
import { exclusively } from "../../store/store-lock.js";
import { commitDraft } from "../helpers/commit-drafts.js";

const [MAIN, OLD, NEW, TAG] = ["refs/heads/main", "refs/heads/ci/old", "refs/heads/ci/new", "refs/tags/v2"] as RefName[] as [
  RefName,
  RefName,
  RefName,
  RefName,
];

const layout = await openStore(process.argv[2] ?? "");
const history = gitHistory(layout);
process.stdout.write("begun\n");
await exclusively(layout, async () => {
  const parent = await history.readRef(MAIN);
  const id = await history.writeCommit(commitDraft(77, parent === undefined ? [] : [parent], { config: { os: "linux" } }));
  const refs = [
    { name: MAIN, before: parent, after: id },
    { name: OLD, before: await history.readRef(OLD), after: undefined },
    { name: NEW, before: undefined, after: id },
    { name: TAG, before: undefined, after: id },
  ];
  await history.updateRefs(refs, "commit: killed");
  await fileOperationLog(layout).append({ command: "commit", refs, trees: [] });
  process.stdout.write(`${id}\n`);
});
