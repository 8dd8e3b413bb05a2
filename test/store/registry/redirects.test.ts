import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { targetOf } from "../../../store/registry/redirects.js";

const REGISTRY = new URL("https://registry.example/v2/app/blobs/x");
const HERE = new URL("http://127.0.0.1:5000/v2/app/blobs/x");

const ALLOWED: readonly (readonly [from: URL, location: string, target: string])[] = [
  [REGISTRY, "/v2/other", "https://registry.example/v2/other"],
  [REGISTRY, "other?a=b", "https://registry.example/v2/app/blobs/other?a=b"],
  [REGISTRY, "https://storage.example/x?signature=%2F#part", "https://storage.example/x?signature=%2F"],
  [REGISTRY, "//storage.example/x", "https://storage.example/x"],
  [HERE, "http://127.0.0.1:6000/x", "http://127.0.0.1:6000/x"],
  [HERE, "https://storage.example/x", "https://storage.example/x"],
  [HERE, "http://named.example:80/x", "http://named.example/x"],
];

for (const [from, location, target] of ALLOWED) {
  test(`targetOf() follows ${location} from ${from.host}`, (t) => {
    t.is(targetOf(from, location, new Set(["named.example"])).href, target);
  });
}

const REFUSED: readonly (readonly [from: URL, location: string | undefined])[] = [
  [REGISTRY, "http://registry.example/x"],
  [REGISTRY, "http://named.example/x"],
  [REGISTRY, "http://127.0.0.1/x"],
  [REGISTRY, "https://127.0.0.1/x"],
  [REGISTRY, "https://localhost/x"],
  [REGISTRY, "https://LOCALHOST./x"],
  [REGISTRY, "https://a.localhost/x"],
  [REGISTRY, "https://[::1]/x"],
  [REGISTRY, "https://[::]/x"],
  [REGISTRY, "https://[::ffff:127.0.0.1]/x"],
  [REGISTRY, "https://0.0.0.0/x"],
  [REGISTRY, "https://0/x"],
  [REGISTRY, "https://2130706433/x"],
  [REGISTRY, "https://0x7f.1/x"],
  [REGISTRY, "https://user:password@storage.example/x"],
  [REGISTRY, "file:///etc/passwd"],
  [REGISTRY, "data:,x"],
  [REGISTRY, "https://"],
  [REGISTRY, ""],
  [REGISTRY, undefined],
  [HERE, "http://storage.example/x"],
  [HERE, "http://10.0.0.1/x"],
];

for (const [from, location] of REFUSED) {
  test(`targetOf() refuses ${location ?? "nothing"} from ${from.host}`, (t) => {
    const error = t.throws(() => targetOf(from, location, new Set(["named.example"])), { instanceOf: VarveError });
    t.is(error.code, "REGISTRY_INVALID");
    t.false(error.message.includes("password@"));
  });
}
