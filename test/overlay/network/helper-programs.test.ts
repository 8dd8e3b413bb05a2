import test from "ava";
import { helperWords } from "../../../overlay/network/helper-programs.js";

const ADDRESSES = { container: "10.0.2.100", mask: "255.255.255.0", gateway: "10.0.2.2", nameServer: "10.0.2.3" };
const GIVEN = { place: "/place", addresses: ADDRESSES, ports: [], hardwareAddress: undefined, socket: "socket" };
const PORTS = [
  { hostAddress: "", hostPort: 8080, containerPort: 80, protocol: "tcp" },
  { hostAddress: "127.0.0.1", hostPort: 8443, containerPort: 443, protocol: "tcp" },
] as const;

/** What follows each place of an option. */
function valuesOf(words: readonly string[], option: string): readonly (string | undefined)[] {
  return words.flatMap((word, at) => (word === option ? [words[at + 1]] : []));
}

test("pasta gets the ports that are given, and none else, in any direction", (t) => {
  const words = helperWords("pasta", { ...GIVEN, ports: PORTS });
  t.deepEqual(valuesOf(words, "--tcp-ports"), ["8080:80", "127.0.0.1/8443:443"]);
  for (const option of ["--udp-ports", "--tcp-ns", "--udp-ns"]) t.deepEqual(valuesOf(words, option), ["none"], option);
  t.deepEqual(valuesOf(helperWords("pasta", GIVEN), "--tcp-ports"), ["none"]);
  t.true(words.includes("--no-map-gw"));
  t.deepEqual(words.slice(-2), ["--netns", "/place"]);
});

test("a hardware address is each program's own word", (t) => {
  const given = { ...GIVEN, hardwareAddress: "02:42:ac:11:00:02" };
  t.deepEqual(valuesOf(helperWords("pasta", given), "--ns-mac-addr"), ["02:42:ac:11:00:02"]);
  t.true(helperWords("slirp4netns", given).includes("--macaddress=02:42:ac:11:00:02"));
  t.true(helperWords("slirp4netns", given).includes("--disable-host-loopback"));
});
