import test from "ava";
import {
  formatAddress,
  formatSubnet,
  freeAddress,
  isMemberAddress,
  overlap,
  parseAddress,
  parseSubnet,
} from "../../../overlay/network/ipv4.js";

for (const text of ["0.0.0.0", "10.90.3.1", "192.168.255.1", "255.255.255.255"])
  test(`${text} is read and written as it is`, (t) => t.is(formatAddress(parseAddress(text)!), text));

for (const text of ["", "10.0.0", "10.0.0.256", "10.0.0.1.2", "::1", "10.0.0.1 ", "a.b.c.d", "-1.0.0.0"])
  test(`parseAddress() refuses "${text}"`, (t) => t.is(parseAddress(text), undefined));

test("parseSubnet() takes a network's own address alone", (t) => {
  t.is(formatSubnet(parseSubnet("10.90.3.0/24")!), "10.90.3.0/24");
  t.is(formatSubnet(parseSubnet("192.168.128.0/17")!), "192.168.128.0/17");
  for (const text of ["10.90.3.7/24", "10.90.3.0", "10.90.3.0/33", "10.90.3.0/", "/24", "10.90.3.0/24x"])
    t.is(parseSubnet(text), undefined, text);
});

test("overlap() sees subnets that hold each other, and not neighbours", (t) => {
  const at = (text: string) => parseSubnet(text)!;
  t.true(overlap(at("10.0.0.0/8"), at("10.90.3.0/24")));
  t.true(overlap(at("10.90.3.0/24"), at("10.0.0.0/8")));
  t.true(overlap(at("10.90.3.0/24"), at("10.90.3.0/24")));
  t.false(overlap(at("10.90.3.0/24"), at("10.90.4.0/24")));
  t.false(overlap(at("255.255.255.0/24"), at("0.0.0.0/24")));
});

test("freeAddress() gives the lowest that a member may have, and none when all are taken", (t) => {
  const subnet = parseSubnet("10.0.0.8/29")!;
  const address = (last: number) => parseAddress(`10.0.0.${last}`)!;
  t.is(freeAddress(subnet, new Set([address(9), address(11)])), address(10));
  t.is(freeAddress(subnet, new Set([9, 10, 11, 12, 13, 14].map(address))), undefined);
  t.false(isMemberAddress(subnet, address(8)));
  t.false(isMemberAddress(subnet, address(15)));
});
