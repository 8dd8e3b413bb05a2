import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { openDownload } from "../../../store/download/open-download.js";
import { serve } from "../../helpers/hostile-registry.js";

test("a download that stands still ends as SOURCE_UNREADABLE", async (t) => {
  const { host } = await serve(t, (_, response) => void response.writeHead(200, { "content-length": "1000" }).write("begin"));
  const pieces: string[] = [];
  const error = await t.throwsAsync(
    async () => {
      for await (const piece of await openDownload(`http://${host}/root.tar`, 100)) pieces.push(Buffer.from(piece).toString());
    },
    { instanceOf: VarveError, code: "SOURCE_UNREADABLE" },
  );
  t.regex(error.message, /root\.tar": nothing came for too long$/);
  t.deepEqual(pieces, ["begin"]);
});
