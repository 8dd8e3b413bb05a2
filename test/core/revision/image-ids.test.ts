import test from "ava";
import type { CommitId, RefName } from "../../../core/model/ids.js";
import type { BlobDigest } from "../../../core/model/image.js";
import { imagesById } from "../../../core/revision/image-ids.js";
import { resolveRevision } from "../../../core/revision/resolve-revision.js";
import { memoryHistory } from "../../../store/memory/memory-history.js";
import { commitDraft } from "../../helpers/commit-drafts.js";

/** Two images whose ids begin with the same four digits, the first of them by two histories; and a commit that is no image. */
async function subject() {
  const history = memoryHistory();
  const image = (rest: string) => ({
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: `sha256:5eed${rest.padEnd(60, "0")}` as BlobDigest,
      size: 2,
    },
  });
  const commits: CommitId[] = [];
  for (const [number, name, id] of [
    [1, "a@1", "1"],
    [2, "b@1", "1"],
    [3, "c@1", "2"],
    [4, "d@1", undefined],
  ] as const) {
    const draft = commitDraft(number, [], id === undefined ? {} : { image: image(id) });
    commits.push(await history.writeCommit(draft));
    await history.updateRefs([{ name: `refs/images/${name}` as RefName, before: undefined, after: commits.at(-1) }]);
  }
  return { history, commits };
}

test("imagesById() finds all names of an image, whatever histories they have", async (t) => {
  const { history, commits } = await subject();
  for (const text of ["5eed1", "sha256:5eed1", `sha256:5eed${"1".padEnd(60, "0")}`]) {
    const found = await imagesById(history, text);
    t.deepEqual(
      found.map(({ reference, commit }) => [reference, commit.id]),
      [
        ["a:1", commits[0]],
        ["b:1", commits[1]],
      ],
      text,
    );
    t.is(await resolveRevision(history, text), commits[0]!, text);
  }
});

test("imagesById() refuses digits that several images begin with, and names these", async (t) => {
  const { history } = await subject();
  const error = await t.throwsAsync(imagesById(history, "5eed"), { code: "REVISION_AMBIGUOUS" });
  t.regex((error as unknown as { hint: string }).hint, /a:1\n.*b:1\n.*c:1/);
  await t.throwsAsync(resolveRevision(history, "5eed"), { code: "REVISION_AMBIGUOUS" });
});

test("imagesById() knows a commit by its id where that is asked for alone, and takes no word for an id", async (t) => {
  const { history, commits } = await subject();
  const digits = commits[3]!.slice(0, 12);
  t.deepEqual(await imagesById(history, digits), []);
  t.deepEqual(
    (await imagesById(history, digits, true)).map(({ reference }) => reference),
    ["d:1"],
  );
  for (const text of ["", "5ee", "5EED1", "5eed1~1", "sha256:", "a:1"])
    t.deepEqual(await imagesById(history, text, true), [], text);
});
