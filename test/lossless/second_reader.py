# A second reader of layer images, written from docs/on-disk-format.md alone, sections 3 and 4; "§" names the section.
# Usage: second_reader.py FOLDER LAYERID... : the chain, newest first; FOLDER holds <n>-<LayerId>.erofs.
# Checks every id, checksum, digest and link; prints {"tree": TreeId, "entries": [...]} of what the chain adds up to.
import glob, hashlib, json, struct, sys

TYPES = {1: 0o100000, 2: 0o040000, 3: 0o020000, 4: 0o060000, 5: 0o010000, 6: 0o140000, 7: 0o120000}
LETTERS = {0o100000: "f", 0o040000: "d", 0o120000: "l", 0o010000: "p", 0o140000: "s", 0o020000: "c", 0o060000: "b"}
NAMESPACES = {1: b"user.", 2: b"system.posix_acl_access", 3: b"system.posix_acl_default", 4: b"trusted.", 6: b"security."}
MARK, ESCAPED = b"trusted.overlay.", b"trusted.overlay.overlay."


def up(value, unit):
    return -(-value // unit) * unit


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc


class Image:
    def __init__(self, folder, layer):
        self.folder, self.layer = folder, layer
        self.data = data = open(glob.glob("%s/*-%s.erofs" % (folder, layer))[0], "rb").read()
        sb = data[1024:1152]
        magic, checksum, compat, bits, root = struct.unpack_from("<IIIBxH", sb)
        blocks, meta, xattr = struct.unpack_from("<III", sb, 36)
        incompat, slots, slot_offset = struct.unpack_from("<I2xHH", sb, 80)
        assert (magic, compat, bits, root) == (0xE0F5E1E2, 3, 12, 4) and blocks * 4096 == len(data)  # §3.1, §3.2
        assert checksum == crc32c(data[1024:1028] + bytes(4) + data[1032:4096])
        assert (incompat & 8 != 0) == (slots > 0) and incompat & ~12 == 0 and slot_offset == (9 if slots else 0)
        self.meta = meta * 4096
        self.devices = [data[1152 + n * 128:1152 + n * 128 + 64].decode() for n in range(slots)]
        header = bytearray(data[:up(1152 + slots * 128, 4096)])
        header[1028:1032], header[1072:1088] = bytes(4), bytes(16)
        assert hashlib.sha256(header + data[self.meta:]).hexdigest() == layer and sb[48:64].hex() == layer[:32]  # §4
        head = data[self.meta:self.meta + 128]
        assert head[:12] == b"varve layer\n" and struct.unpack_from("<I", head, 12) == (1,)  # §3.5
        self.digests, _, self.links_at, groups, _ = struct.unpack_from("<5Q", head, 16)
        self.links = {}
        for row in range(groups):
            nid, count, at = struct.unpack_from("<IIQ", data, self.meta + self.links_at + row * 16)
            paths = self.links[nid] = []
            at += self.meta + self.links_at
            for _ in range(count):
                (length,) = struct.unpack_from("<I", data, at)
                paths.append(data[at + 4:at + 4 + length])
                at += 4 + length

    def inode(self, nid):  # §3.3
        at = self.meta + nid * 32
        form, icount, mode, size, address, row, uid, gid, seconds, nanos, nlink = struct.unpack_from("<HHH2xQIIIIqII", self.data, at)
        assert form & 1
        body = 12 + (icount - 1) * 4 if icount else 0
        return dict(nid=nid, layout=form >> 1, mode=mode, size=size, address=address, uid=uid, gid=gid, row=row, seconds=seconds,
                    nanos=nanos, nlink=nlink, after=at + 64 + body, raw=self.xattrs(at + 64, body) if body else {})

    def xattrs(self, at, length):  # §3.4
        found, end, count = {}, at + length, self.data[at + 4]
        shared = [self.meta + 4 * n for n in struct.unpack_from("<%dI" % count, self.data, at + 12)]
        at += 12 + 4 * count
        while shared or at < end:
            start = shared.pop() if shared else at
            name, space, size = struct.unpack_from("<BBH", self.data, start)
            value = start + 4 + name
            found[NAMESPACES[space] + self.data[start + 4:value]] = self.data[value:value + size]
            if start == at:
                at = up(value + size - start, 4) + start
        return found

    def digest(self, inode):
        return self.data[self.meta + self.digests + inode["row"] * 32:][:32].hex() if inode["row"] else None

    def content(self, inode):
        size, block = inode["size"], inode["address"] * 4096
        if inode["layout"] == 0:
            return self.data[block:block + size]
        if inode["layout"] == 2:
            whole = size // 4096 * 4096
            return self.data[block:block + whole] + self.data[inode["after"]:inode["after"] + size - whole]
        unit, result = 4096 << (inode["address"] & 31), b""
        assert inode["address"] & ~31 == 32
        index = self.meta + up(inode["after"] - self.meta, 8)
        for chunk in range(-(-size // unit)):
            _, device, first = struct.unpack_from("<HHI", self.data, index + chunk * 8)
            length = min(unit, size - len(result))
            holder = self if device == 0 else open_image(self.folder, self.devices[device - 1])
            piece = bytes(length) if first == 0xFFFFFFFF else holder.data[first * 4096:first * 4096 + length]
            result += piece
        return result

    def names(self, inode):
        data, found = self.content(inode), []
        for start in range(0, len(data), 4096):
            block = data[start:start + 4096]
            count = struct.unpack_from("<H", block, 8)[0] // 12
            entries = [struct.unpack_from("<QHB", block, n * 12) for n in range(count)]
            ends = [offset for _, offset, _ in entries[1:]] + [len(block)]
            found += [(block[offset:end].split(b"\0")[0], nid, kind) for (nid, offset, kind), end in zip(entries, ends)]
        assert [name for name, _, _ in found] == sorted(name for name, _, _ in found)
        return [each for each in found if each[0] not in (b".", b"..")]


images = {}


def open_image(folder, layer):
    return images.setdefault(layer, None) or images.__setitem__(layer, Image(folder, layer)) or images[layer]


def resolve(parts, name):
    """What directories `parts` (newest first) have under a name: [] when nothing; §3.6."""
    found = []
    for index, image, inode in parts:
        for child, nid, kind in image.names(inode):
            if child == name:
                below = image.inode(nid)
                assert below["mode"] & 0o170000 == TYPES[kind]
                if kind != 2:
                    whiteout = kind == 3 and below["address"] == 0
                    return found if found or whiteout else [(index, image, below)]
                found.append((index, image, below))
                if below["raw"].get(MARK + b"opaque") == b"y":
                    return found
    return found


def content_of(chain, path, place):
    index, image, inode = place
    if MARK + b"metacopy" not in inode["raw"]:
        data = image.content(inode)
    else:
        below, path = chain[index + 1:], inode["raw"].get(MARK + b"redirect", b"/" + path)[1:]
        parts = [(n + index + 1, each, each.inode(4)) for n, each in enumerate(below)]
        for name in path.split(b"/"):
            parts = resolve(parts, name)
        data = content_of(chain, path, parts[0])
    assert len(data) == inode["size"] and hashlib.sha256(data).hexdigest() == image.digest(inode), path
    return data


def record(chain, path, name, parts, entries):  # §4, tree digest
    index, image, inode = parts[0]
    kind, digest, field = inode["mode"] & 0o170000, "", b""
    raw = {k: v for k, v in inode["raw"].items() if not k.startswith(MARK) or k.startswith(ESCAPED)}
    xattrs = sorted((MARK + k[len(ESCAPED):] if k.startswith(ESCAPED) else k, v) for k, v in raw.items())
    entry = dict(path=path.decode("latin1"), kind=LETTERS[kind], mode=inode["mode"] & 0o7777, uid=inode["uid"], gid=inode["gid"],
                 time="%d %d" % (inode["seconds"], inode["nanos"]), xattrs=[[k.decode("latin1"), v.decode("latin1")] for k, v in xattrs])
    entries.append(entry)
    if kind == 0o040000:
        digest = directory(chain, path, parts, entries)
        assert image.digest(inode) in (None, digest), path
    elif kind == 0o100000:
        content_of(chain, path, parts[0])
        digest, field = image.digest(inode), b"%d" % inode["size"]
        entry["sha256"] = digest
    elif kind == 0o120000:
        field = image.content(inode)
        entry["target"] = field.decode("latin1")
    elif kind in (0o020000, 0o060000):
        device = inode["address"]
        field = b"%d:%d" % (device >> 8 & 0xFFF, device & 0xFF | device >> 12 & 0xFFF00)
        entry["device"] = field.decode()
    line = name + b"\0" + ("%s %d %d %d %d %d " % (LETTERS[kind], entry["mode"], inode["uid"], inode["gid"], inode["seconds"], inode["nanos"])).encode()
    line += field + b"\0" + digest.encode() + b"\0"
    paths = image.links.get(inode["nid"], []) if kind != 0o040000 else []
    if len(paths) > 1:
        assert path in paths
        line += b"=" + hashlib.sha256(b"".join(each + b"\0" for each in paths)).hexdigest().encode() + b"\0"
    entry["links"] = [each.decode("latin1") for each in paths]
    for key, value in xattrs:
        line += b"@" + key + b"\0%d " % len(value) + value
    return line + b"\n"


def directory(chain, path, parts, entries):
    digest = hashlib.sha256()
    names = sorted({name for _, image, inode in parts for name, _, _ in image.names(inode)})
    for name in names:
        found = resolve(parts, name)
        if found:
            digest.update(record(chain, path + b"/" + name if path else name, name, found, entries))
    return digest.hexdigest()


folder, chain, entries = sys.argv[1], [], []
for layer in sys.argv[2:]:
    chain.append(open_image(folder, layer))
roots = [(index, image, image.inode(4)) for index, image in enumerate(chain)]
line = record(chain, b"", b"", roots, entries)
print(json.dumps({"tree": hashlib.sha256(b"varve tree 1\n" + line).hexdigest(), "entries": entries}))
