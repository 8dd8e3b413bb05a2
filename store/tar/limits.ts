/** Largest archive number that is taken: sizes, offsets and seconds stay exact in a JavaScript number. */
export const MAX_NUMBER: number = Number.MAX_SAFE_INTEGER;

export const BLOCK = 512;

/** Bytes of one PAX extended header. One xattr has up to 64 KiB, and all their names together as much: 8 MiB is ample. */
export const MAX_PAX_BYTES: number = 8 * 1024 * 1024;

/** Bytes of one GNU long name or long link. */
export const MAX_LONG_NAME_BYTES: number = 1024 * 1024;

/** Linux NAME_MAX. */
export const MAX_NAME_BYTES = 255;

/** Components of a path: half of PATH_MAX, the deepest that one system call can name. */
export const MAX_DEPTH = 2048;

/** Linux PATH_MAX without its NUL: the longest target that symlink(2) takes. */
export const MAX_TARGET_BYTES = 4095;

/** Symlinks followed for one path: the kernel's own limit (ELOOP). */
export const MAX_SYMLINK_HOPS = 40;

/** Linux XATTR_NAME_MAX, and XATTR_LIST_MAX: beyond it listxattr(2) fails. */
export const MAX_XATTR_NAME_BYTES = 255;
export const MAX_XATTR_LIST_BYTES = 65_536;

/** A value's length takes 16 bits in a layer image. */
export const MAX_XATTR_VALUE_BYTES = 65_535;

/** dev_t as the kernel packs it: 12 bits of major, 20 of minor. */
export const MAX_MAJOR = 4095;
export const MAX_MINOR = 1_048_575;

/** uid and gid 2^32 - 1 mean "unchanged" to chown(2), so no file can have them. */
export const MAX_OWNER = 4_294_967_294;

/** Pieces of data in one sparse file. */
export const MAX_SPARSE_PIECES = 1_000_000;

/**
 * Bytes of holes in one archive. They cost no disk, but time: every zero is hashed (1.4 GB/s). /var/log/lastlog of a system with
 * user ids near 2^32 has 1.2 TiB.
 */
export const MAX_HOLE_BYTES: number = 2 * 1024 ** 4;
