import test from "ava";
import { formatSubnet, parseSubnet } from "../../../overlay/network/ipv4.js";
import { freeSubnet, parseRoutes } from "../../../overlay/network/machine-subnets.js";

const ROUTES = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0101A8C0	0003	0	0	0	00000000	0	0	0
eth0	0001A8C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
br0	00000A0A	00000000	0001	0	0	0	0000FFFF	0	0	0
`;

test("parseRoutes() reads the kernel's table, without the way to everything else", (t) => {
  const found = parseRoutes(ROUTES).map((route) => [route.interfaceName, formatSubnet(route)]);
  t.deepEqual(found, [
    ["eth0", "192.168.1.0/24"],
    ["br0", "10.10.0.0/16"],
  ]);
});

test("parseRoutes() finds nothing in an empty table", (t) => t.deepEqual(parseRoutes(ROUTES.split("\n")[0]!), []));

test("freeSubnet() passes over what overlaps, goes round, and ends", (t) => {
  const at = (text: string) => parseSubnet(text)!;
  t.is(formatSubnet(freeSubnet([], 0)!), "10.90.0.0/24");
  t.is(formatSubnet(freeSubnet([at("10.90.0.0/23")], 0)!), "10.90.2.0/24");
  t.is(formatSubnet(freeSubnet([at("10.127.255.0/24")], 38 * 256 - 1)!), "10.90.0.0/24");
  t.is(freeSubnet([at("10.0.0.0/8")]), undefined);
});
