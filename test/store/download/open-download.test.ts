import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { openDownload } from "../../../store/download/open-download.js";
import { serve } from "../../helpers/hostile-registry.js";

test("a download that drips ends as SOURCE_UNREADABLE", async (t) => {
  const { host } = await serve(t, (_, response) => {
    response.writeHead(200, { "content-length": "1000" });
    const drip = setInterval(() => void response.write("0"), 50);
    response.once("close", () => clearInterval(drip));
  });
  const pieces = await openDownload(`http://${host}/root.tar`, 500);
  const read = async (): Promise<void> => {
    for await (const _ of pieces);
  };
  await t.throwsAsync(read, { instanceOf: VarveError, code: "SOURCE_UNREADABLE", message: /nothing came for too long$/ });
});

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
