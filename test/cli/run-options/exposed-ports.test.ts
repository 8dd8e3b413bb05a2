import test from "ava";
import { exposedPorts, publishedByAll } from "../../../cli/run-options/exposed-ports.js";

test("what the image and --expose name is each named once, with its protocol", (t) => {
  const expose = ["80", "8000-8002/UDP", "53/udp", "7/sctp"];
  t.deepEqual(exposedPorts({ expose }, ["80/tcp", "53", "53/udp"]), [
    "80/tcp",
    "53/tcp",
    "53/udp",
    "8000/udp",
    "8001/udp",
    "8002/udp",
    "7/sctp",
  ]);
  t.deepEqual(exposedPorts({ expose: [] }, []), []);
});

for (const text of ["", "x", "0", "65536", "80-", "81-80", "80/icmp", "80:80", "-1"]) {
  test(`--expose "${text}" is refused`, (t) => {
    t.like(
      t.throws(() => exposedPorts({ expose: [text] }, [])),
      { code: "USAGE" },
    );
  });
}

test("-P leaves out what -p names, of the same protocol", (t) => {
  const named = [{ containerPort: 53, protocol: "tcp" }] as const;
  const any = { hostAddress: "", hostPort: 0, containerPort: 53 };
  t.deepEqual(publishedByAll({ "publish-all": true }, ["53/tcp", "53/udp"], named), [{ ...any, protocol: "udp" }]);
  t.deepEqual(publishedByAll({ "publish-all": false }, ["53/tcp"], []), []);
});

test("a port that an image exposes and nobody can publish is told with -P alone", (t) => {
  const publish = (text: string): unknown => publishedByAll({ "publish-all": true }, exposedPorts({ expose: [] }, [text]), []);
  t.like(
    t.throws(() => publish("7/sctp")),
    { code: "UNSUPPORTED" },
  );
  for (const text of ["web", "99999/tcp", "../x"])
    t.like(
      t.throws(() => publish(text)),
      { code: "SOURCE_INVALID" },
    );
  t.notThrows(() => publishedByAll({ "publish-all": false }, ["web"], []));
});
