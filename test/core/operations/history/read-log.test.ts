import { execFileSync } from "node:child_process";
import test from "ava";
import picomatch from "picomatch";
import type { ByteString } from "../../../../core/model/byte-string.js";
import type { CommitId } from "../../../../core/model/ids.js";
import { readLog } from "../../../../core/operations/history/read-log.js";
import { selectPlaces, type PathSelection } from "../../../../core/paths/path-selection.js";
import type { Repository } from "../../../../core/ports/repository.js";
import { trackedRepository } from "../../../helpers/tracked-repository.js";

/** What each commit changes. */
const CHANGES = [
  "mkdir -p etc/conf.d usr/bin; echo a > etc/hosts; echo b > etc/conf.d/b.conf; echo c > usr/bin/c; ln etc/hosts usr/hosts",
  "echo second > etc/hosts",
  "chmod 700 etc/conf.d",
  "rm usr/bin/c",
  "rm -r etc/conf.d; echo file > etc/conf.d",
  "rm etc/conf.d; mkdir etc/conf.d; echo d > etc/conf.d/d.conf",
  "mv etc/conf.d etc/other.d",
  "rm usr/hosts; echo e > usr/hosts",
  "rm -r usr; mkdir -p usr/bin; echo c > usr/bin/c",
  "rm -r usr; ln -s etc usr",
  "touch -d @7 etc/hosts",
  "rm -r etc; mkdir etc; echo third > etc/hosts",
];

const PLACES = ["etc", "etc/hosts", "etc/conf.d", "etc/conf.d/b.conf", "etc/conf.d/d.conf", "etc/other.d/d.conf"].concat([
  "usr",
  "usr/hosts",
  "usr/bin",
  "usr/bin/c",
  "usr/bin/c/no",
  "nothing",
  "etc/nothing",
]);
const PATTERNS = ["**/*.conf", "etc/*", "usr/**", "*", "**/c", "etc/conf.d"];

function matching(pattern: string): PathSelection {
  const isMatch = picomatch(pattern, { dot: true });
  const above = (path: string): string[] => path.split("/").map((_, at, names) => names.slice(0, at + 1).join("/"));
  return { places: undefined, has: (path) => above(path).some((each) => isMatch(each)) };
}

async function selected(repository: Repository, from: CommitId, paths: PathSelection): Promise<string[]> {
  const messages: string[] = [];
  for await (const { commit } of readLog(repository, { from: [from], paths })) messages.push(commit.message);
  return messages;
}

test("readLog() by paths tells from layers alone what the comparison of trees tells", async (t) => {
  const { repository, directory, commit } = await trackedRepository(t);
  let newest: CommitId | undefined;
  for (const [number, change] of CHANGES.entries()) {
    execFileSync("sh", ["-euc", change], { cwd: directory });
    newest = await commit(`${number}`);
  }
  let told = 0;
  const changes = repository.layers.changes!.bind(repository.layers);
  const counted = {
    ...repository,
    layers: Object.assign(Object.create(repository.layers) as Repository["layers"], {
      changes: (...asked: Parameters<typeof changes>) => {
        const answer = changes(...asked);
        if (answer !== undefined) told += 1;
        return answer;
      },
      openTree: (chain: Parameters<Repository["layers"]["openTree"]>[0]) => repository.layers.openTree(chain),
      names: repository.layers.names!.bind(repository.layers),
      keepNames: repository.layers.keepNames!.bind(repository.layers),
      prepare: async (chain: Parameters<Repository["layers"]["prepare"]>[0]) => repository.layers.prepare(chain),
    }),
  };
  const slow = {
    ...counted,
    layers: Object.assign(Object.create(counted.layers) as Repository["layers"], { changes: undefined }),
  };
  const selections = [
    ...PLACES.map((place) => [place, selectPlaces([place as ByteString])] as const),
    ...PATTERNS.map((pattern) => [pattern, matching(pattern)] as const),
    ["two places", selectPlaces(["usr/bin/c", "etc/hosts"] as ByteString[])] as const,
  ];
  for (const [what, paths] of selections) {
    t.deepEqual(await selected(counted, newest!, paths), await selected(slow, newest!, paths), what);
  }
  t.true(told > (selections.length * CHANGES.length) / 2, `${told} answers needed no comparison`);
});
