import test from "ava";
import { clientWithCanary, serve } from "../../helpers/hostile-registry.js";
import { descriptorOf, manifestOf, OCI_MANIFEST, sha256Of } from "../../helpers/pushed-image.js";

const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const SUBJECT = sha256Of(Buffer.from("subject"));
const item = (text: string, artifactType: string): object => ({
  mediaType: OCI_MANIFEST,
  artifactType,
  ...descriptorOf(Buffer.from(text)),
});

test("referrers() reads the list of a registry that has one, page by page", async (t) => {
  const server = await serve(t, (request, response) => {
    const isFirst = request.url === `/v2/team/app/referrers/${SUBJECT}`;
    const next = isFirst ? { link: `</v2/team/app/referrers/${SUBJECT}?page=2>; rel="next"` } : {};
    const manifests = isFirst ? [item("a", "one"), item("b", "two")] : [item("c", "one")];
    response
      .writeHead(200, { "content-type": OCI_INDEX, ...next })
      .end(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  });
  const client = clientWithCanary(t, server);
  const digests = (found: readonly { digest: string }[]): readonly string[] => found.map(({ digest }) => digest);
  t.deepEqual(
    digests(await client.referrers(SUBJECT)),
    ["a", "b", "c"].map((text) => sha256Of(Buffer.from(text))),
  );
  t.deepEqual(
    digests(await client.referrers(SUBJECT, "one")),
    ["a", "c"].map((text) => sha256Of(Buffer.from(text))),
  );
});

test("putManifest() keeps no list of its own where the registry says that it has one", async (t) => {
  const server = await serve(t, (request, response) => {
    request.resume();
    response.writeHead(201, { "oci-subject": SUBJECT }).end();
  });
  const manifest = manifestOf(Buffer.from("{}"), [], { subject: { mediaType: OCI_MANIFEST, digest: SUBJECT, size: 7 } });
  await clientWithCanary(t, server).putManifest(sha256Of(manifest), manifest, OCI_MANIFEST);
  t.deepEqual(
    server.received.filter((text) => /^[A-Z]+ \//.test(text)).map((text) => text.split("\n")[0]),
    [`PUT /v2/team/app/manifests/${sha256Of(manifest)}`],
  );
});
