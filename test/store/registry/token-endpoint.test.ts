import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { parseChallenges } from "../../../store/registry/challenge.js";
import { tokenServer } from "../../../store/registry/token-endpoint.js";

const realmOf = (origin: string, realm: string, insecure: readonly string[] = []): string =>
  tokenServer(parseChallenges(`Bearer realm="${realm}"`)[0]!, new URL(origin), new Set(insecure)).realm.href;

const SECURE = "https://registry.example/";

test("a registry with TLS may have its token server on another host, with TLS", (t) => {
  t.is(realmOf(SECURE, "https://auth.example/token?a=b"), "https://auth.example/token?a=b");
});

test("no realm without TLS is taken from a registry that has TLS", (t) => {
  for (const realm of ["http://registry.example/token", "http://auth.example/", "http://127.0.0.1/token", "http://localhost/"]) {
    t.is(t.throws(() => realmOf(SECURE, realm, ["auth.example"]), { instanceOf: VarveError }).code, "REGISTRY_INVALID", realm);
  }
});

test("a registry without TLS has its token server on its own host, or both are on this machine", (t) => {
  t.is(realmOf("http://127.0.0.1:5000/", "http://localhost:5001/token"), "http://localhost:5001/token");
  t.is(realmOf("http://named.example/", "http://named.example/token", ["named.example"]), "http://named.example/token");
  t.is(realmOf("http://named.example/", "https://named.example/token", ["named.example"]), "https://named.example/token");
  for (const realm of ["https://auth.example/token", "http://127.0.0.1/token", "http://other.example/token"]) {
    t.throws(
      () => realmOf("http://named.example/", realm, ["named.example", "other.example"]),
      { instanceOf: VarveError },
      realm,
    );
  }
});
