import test from "ava";
import type { ByteString } from "../../../core/model/byte-string.js";
import { decodeXattrs, encodeXattrs, xattrBytes, xattrCount, placeShared } from "../../../store/erofs/xattr-body.js";

const NOTHING = Buffer.alloc(0);
/** u::rw-,g::r--,o::r-- as the kernel keeps it. */
const ACL = "\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x04\0\x04\0\xff\xff\xff\xff\x20\0\x04\0\xff\xff\xff\xff";

function xattr(name: string, value: string): { name: ByteString; value: Buffer } {
  return { name: name as ByteString, value: Buffer.from(value, "latin1") };
}

test("encodeXattrs() lays out header and entries as EROFS wants them", (t) => {
  const { inline, shared } = encodeXattrs([xattr("user.ab", "xyz"), xattr("system.posix_acl_access", ACL)], 0);
  const acl = Buffer.from(ACL, "latin1").toString("hex");
  t.is(inline.toString("hex"), ["00000000".repeat(3), "02010300", "616278797a", "000000", "00021c00", acl].join(""));
  t.deepEqual(shared, []);
  t.is(xattrBytes(xattrCount(inline.length)), inline.length);
});

test("decodeXattrs() gives back what encodeXattrs() got, in byte order of name", (t) => {
  const all = ["security.s", "system.posix_acl_default", "trusted.overlay.x", "trusted.t", "user.overlay.x", "user.u"];
  const { inline } = encodeXattrs(all.map((name) => xattr(name, name.includes("acl") ? ACL : name)).reverse(), 0);
  const decoded = decodeXattrs(inline, () => NOTHING);
  t.deepEqual(
    decoded?.xattrs.map(({ name }) => name as string),
    all,
  );
  t.false(decoded?.opaque);
});

test("encodeXattrs() stores a user's trusted.overlay xattr as overlayfs nests it", (t) => {
  const { inline } = encodeXattrs([xattr("trusted.overlay.opaque", "y")], 0);
  t.true(inline.includes("overlay.overlay.opaque"));
});

test("decodeXattrs() takes overlayfs's own opaque mark as such, and shows it to nobody", (t) => {
  const { inline } = encodeXattrs([xattr("trusted.Overlay.opaque", "y"), xattr("user.a", "1")], 0);
  inline.write("o", inline.indexOf("Overlay"), "latin1");
  const decoded = decodeXattrs(inline, () => NOTHING);
  t.deepEqual(
    decoded?.xattrs.map(({ name }) => name as string),
    ["user.a"],
  );
  t.true(decoded?.opaque);
});

test("encodeXattrs() moves the largest xattrs to the shared area, with ids that continue it", (t) => {
  const all = Array.from({ length: 6 }, (_, n) => xattr(`user.${n}`, String(n).repeat(60_000)));
  const { inline, shared } = encodeXattrs(all, 400);
  t.is(shared.length, 2);
  t.is(inline.readUInt8(4), 2);
  placeShared(inline, 0, 8192);
  t.is(inline.readUInt32LE(12), (8192 + 400) / 4);
  const area = Buffer.concat([Buffer.alloc(8192 + 400), ...shared]);
  const decoded = decodeXattrs(inline, (position, length) => area.subarray(position, position + length));
  t.deepEqual(decoded?.xattrs, all);
});

for (const length of [0, 11, 13, 15]) {
  test(`decodeXattrs() of ${length} bytes that hold no entry gives undefined`, (t) => {
    t.is(
      decodeXattrs(Buffer.alloc(length), () => NOTHING),
      undefined,
    );
  });
}
