import { randomBytes } from "node:crypto";
import type { ExecutionContext } from "ava";
import { VarveError } from "../../../core/errors.js";
import { PACE } from "../../../store/registry/pace.js";
import { RegistryClient } from "../../../store/registry/registry-client.js";
import { startCuttingProxy, type Cut, type CuttingProxy } from "../../helpers/cutting-proxy.js";
import { startRegistry } from "../../helpers/local-registry.js";
import { bytesOf, descriptorOf, openBytes } from "../../helpers/pushed-image.js";
import { testIf } from "../../helpers/requirements.js";

const test = testIf("docker-registry");
const QUICK = { ...PACE, firstDelay: 5 };
const BLOB = randomBytes(12_000_000);

async function behindProxy(
  t: ExecutionContext,
  cut: Cut,
  chunkBytes = 1 << 30,
): Promise<{ client: RegistryClient; direct: RegistryClient; proxy: CuttingProxy }> {
  const { host } = await startRegistry(t);
  const proxy = await startCuttingProxy(t, host, cut);
  const options = { environment: {}, pace: QUICK, chunkBytes };
  const client = new RegistryClient(proxy.host, "app", options);
  const direct = new RegistryClient(host, "app", options);
  t.teardown(() => {
    client.close();
    direct.close();
  });
  return { client, direct, proxy };
}

test("a download that is cut goes on where it was, by Range", async (t) => {
  const { client, direct, proxy } = await behindProxy(t, { from: "server", after: 3_000_000, times: 3 });
  await direct.putBlob(descriptorOf(BLOB), openBytes(BLOB));
  t.true((await bytesOf(client.blob(descriptorOf(BLOB)))).equals(BLOB));
  t.is(proxy.cuts(), 3);
  t.is(proxy.heads.filter((head) => /^range: bytes=\d{7,}-/im.test(head)).length, 3);
});

test("a download that is cut again and again without getting on fails", async (t) => {
  const { client, direct, proxy } = await behindProxy(t, { from: "server", after: 1000, times: 1000 });
  const blob = BLOB.subarray(0, 500_000);
  await direct.putBlob(descriptorOf(blob), openBytes(blob));
  const error = await t.throwsAsync(bytesOf(client.blob(descriptorOf(blob))), { instanceOf: VarveError });
  t.is(error?.code, "REGISTRY_UNREACHABLE");
  t.true(proxy.cuts() < 20);
});

test("an upload that is cut is done again", async (t) => {
  const { client, direct, proxy } = await behindProxy(t, { from: "client", after: 3_000_000, times: 2 });
  await client.putBlob(descriptorOf(BLOB), openBytes(BLOB));
  t.is(proxy.cuts(), 2);
  t.true((await bytesOf(direct.blob(descriptorOf(BLOB)))).equals(BLOB));
});

test("an upload in chunks survives cuts within chunks", async (t) => {
  const { client, direct, proxy } = await behindProxy(t, { from: "client", after: 2_500_000, times: 2 }, 1_000_000);
  await client.putBlob(descriptorOf(BLOB), openBytes(BLOB));
  t.is(proxy.cuts(), 2);
  t.true((await bytesOf(direct.blob(descriptorOf(BLOB)))).equals(BLOB));
});
