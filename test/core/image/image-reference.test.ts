import test from "ava";
import { VarveError } from "../../../core/errors.js";
import { isRegistry, isRepository, parseImageReference, shortImageName } from "../../../core/image/image-reference.js";

const SHA256 = `sha256:${"0a".repeat(32)}`;
const SHA512 = `sha512:${"b9".repeat(64)}`;

const GOOD: readonly (readonly [text: string, registry: string, repository: string, tag?: string | undefined, digest?: string])[] = [
  ["debian", "docker.io", "library/debian", "latest"],
  ["debian:12", "docker.io", "library/debian", "12"],
  ["library/debian", "docker.io", "library/debian", "latest"],
  ["docker.io/debian", "docker.io", "library/debian", "latest"],
  ["index.docker.io/debian", "docker.io", "library/debian", "latest"],
  ["team/app", "docker.io", "team/app", "latest"],
  ["docker.io/team/app:v1", "docker.io", "team/app", "v1"],
  ["localhost/app", "localhost", "app", "latest"],
  ["localhost:5000/app", "localhost:5000", "app", "latest"],
  ["127.0.0.1:5000/a/b/c:x_Y.z-1", "127.0.0.1:5000", "a/b/c", "x_Y.z-1"],
  ["[::1]:5000/app", "[::1]:5000", "app", "latest"],
  ["[fe80::1]/app", "[fe80::1]", "app", "latest"],
  ["registry.example/app", "registry.example", "app", "latest"],
  ["Registry/app", "Registry", "app", "latest"],
  ["host:1/app", "host:1", "app", "latest"],
  ["registry/app", "docker.io", "registry/app", "latest"],
  ["a__b/c.d/e---f", "docker.io", "a__b/c.d/e---f", "latest"],
  [`debian@${SHA256}`, "docker.io", "library/debian", undefined, SHA256],
  [`debian:12@${SHA256}`, "docker.io", "library/debian", "12", SHA256],
  [`localhost:5000/app@${SHA512}`, "localhost:5000", "app", undefined, SHA512],
  ["debian:5000", "docker.io", "library/debian", "5000"],
  [`debian:${"t".repeat(128)}`, "docker.io", "library/debian", "t".repeat(128)],
  [`a.b/${"r".repeat(251)}`, "a.b", "r".repeat(251), "latest"],
];

for (const [text, registry, repository, tag, digest] of GOOD) {
  test(`parseImageReference() reads ${text.slice(0, 60)} (${text.length})`, (t) => {
    t.deepEqual(parseImageReference(text), { registry, repository, tag, digest });
  });
}

const BAD: readonly string[] = [
  "",
  ":",
  "@",
  "/",
  "debian:",
  "debian@",
  ":12",
  "/debian",
  "debian/",
  "team//app",
  "Debian",
  "team/App",
  "localhost:5000/App",
  "a.b/",
  "debian:-x",
  "debian:.x",
  `debian:${"t".repeat(129)}`,
  "debian:a:b",
  "debian:a b",
  "debian:ä",
  "debian\n",
  "debian:12\n",
  "debian\u0000",
  "reg.example\nhost=evil/app",
  "reg.example%0ahost=evil/app",
  "user:password@registry.example/app",
  "https://registry.example/app",
  "../x",
  "./x",
  "a/../b",
  "-app",
  "app-",
  "_app",
  "a..b",
  "a___b",
  "a._b",
  "localhost:0/app",
  "localhost:65536/app",
  "localhost:5x/app",
  "-bad.example/app",
  "bad-.example/app",
  ".example/app",
  "a..example/app",
  "[::1/app",
  "[::1]:x/app",
  "0a".repeat(32),
  `a.b/${"r".repeat(252)}`,
  `debian@md5:${"0".repeat(32)}`,
  `debian@sha256:${"0".repeat(63)}`,
  `debian@sha256:${"0".repeat(65)}`,
  `debian@sha256:${"A".repeat(64)}`,
  `debian@SHA256:${"0".repeat(64)}`,
  `debian@${SHA256}\n`,
  `debian@${SHA256}@${SHA256}`,
  `debian@${SHA256}:tag`,
  "r".repeat(1_000_000),
];

for (const text of BAD) {
  test(`parseImageReference() refuses ${JSON.stringify(text).slice(0, 70)} (${text.length})`, (t) => {
    const error = t.throws(() => parseImageReference(text), { instanceOf: VarveError });
    t.is(error.code, "BAD_NAME");
    t.true(error.message.length < 500);
  });
}

test("shortImageName() leaves out what docker leaves out", (t) => {
  const short = (text: string): string => shortImageName(parseImageReference(text));
  t.is(short("docker.io/library/debian:12"), "debian:12");
  t.is(short("docker.io/team/app"), "team/app:latest");
  t.is(short("localhost:5000/library/app"), "localhost:5000/library/app:latest");
  t.is(short(`debian@${SHA256}`), `debian@${SHA256}`);
});

test("shortImageName() gives what parseImageReference() reads as the same", (t) => {
  for (const [text] of GOOD) {
    const reference = parseImageReference(text);
    t.deepEqual(parseImageReference(shortImageName(reference)), reference);
  }
});

test("isRegistry() and isRepository() take what may stand in a reference", (t) => {
  t.true(isRegistry("localhost:5000") && isRepository("team/app"));
  for (const text of ["", "a/b", "https://a", "a b", "a:", "user@a"]) t.false(isRegistry(text), text);
  for (const text of ["", "/a", "a/", "A", "a:b", "a?b", "a%2fb", "../a"]) t.false(isRepository(text), text);
});
