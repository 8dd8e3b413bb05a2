# Tells all that a Linux filesystem knows of a tree, by Python alone. Usage: witness.py DIRECTORY [without-trusted] [without-holes]
# Prints one JSON object: for each name in DIRECTORY, the sorted lines of what is below it. Works below PATH_MAX, too.
import errno, hashlib, json, os, stat, sys

root = sys.argv[1].encode()
with_trusted = "without-trusted" not in sys.argv
with_holes = "without-holes" not in sys.argv
inodes = {}
HUGE = 1 << 28


def text(value):
    return value.decode("latin1") if isinstance(value, bytes) else value


def xattrs(fd, name):
    place = b"/proc/self/fd/%d/%s" % (fd, name)
    found = []
    for key in sorted(os.listxattr(place, follow_symlinks=False)):
        if key.startswith("trusted.") and not with_trusted:
            continue
        value = os.getxattr(place, key, follow_symlinks=False)
        shown = value.hex() if len(value) <= 64 else "%d bytes %s" % (len(value), hashlib.sha256(value).hexdigest())
        found.append(key.encode("utf8", "surrogateescape").decode("latin1") + "=" + shown)
    return found


def extents(fd, size):
    pieces, at = [], 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            raise
        at = os.lseek(fd, start, os.SEEK_HOLE)
        pieces.append((start, at - start))
    return pieces


# A huge file is looked at where its rows have data, at its ends and around 4 GiB.
def windows(size):
    if size <= HUGE:
        return [(0, size)]
    return [(0, 1 << 20), ((1 << 32) - (1 << 20), 2 << 20), (size - (1 << 20), 1 << 20)]


# Of a huge file the holes are in larger pieces: it must take a hundredth of its size at most.
def holes(fd, size):
    if size <= HUGE:
        return repr(extents(fd, size))
    return "sparse" if os.fstat(fd).st_blocks * 512 < size // 100 else "full"


def content(directory, name, size):
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)
    try:
        digest = hashlib.sha256()
        for start, length in windows(size):
            while length > 0:
                data = os.pread(fd, min(length, 1 << 20), start)
                if not data:
                    break
                digest.update(data)
                start, length = start + len(data), length - len(data)
        return [digest.hexdigest()] + ([holes(fd, size)] if with_holes else [])
    finally:
        os.close(fd)


def describe(directory, name, path):
    s = os.stat(name, dir_fd=directory, follow_symlinks=False)
    kind = stat.S_IFMT(s.st_mode)
    line = [text(path), oct(s.st_mode), s.st_uid, s.st_gid, s.st_mtime_ns]
    if kind == stat.S_IFDIR:
        return s, line + xattrs(directory, name)
    first = inodes.setdefault((s.st_dev, s.st_ino), path) if s.st_nlink > 1 else path
    line += [s.st_nlink, "same as " + text(first)]
    if kind == stat.S_IFREG:
        line += [s.st_size] + content(directory, name, s.st_size)
    elif kind == stat.S_IFLNK:
        line += [text(os.readlink(name, dir_fd=directory))]
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        line += ["%d:%d" % (os.major(s.st_rdev), os.minor(s.st_rdev))]
    return s, line + xattrs(directory, name)


def walk(directory, name, path, lines):
    s, line = describe(directory, name, path)
    lines.append(json.dumps(line))
    if not stat.S_ISDIR(s.st_mode):
        return
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
    try:
        for child in sorted(os.fsencode(each) for each in os.listdir(fd)):
            walk(fd, child, path + b"/" + child, lines)
    finally:
        os.close(fd)


sys.setrecursionlimit(10000)
top = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
result = {}
for name in sorted(os.fsencode(each) for each in os.listdir(top)):
    lines = []
    walk(top, name, name, lines)
    result[text(name)] = sorted(lines)
print(json.dumps(result))
