/** One property of a tree that varve must not lose. The scripts are run by bash in a directory of the row's own, as root. */
export interface Row {
  /** Names the row's directory: lower-case letters, digits and dashes. */
  readonly name: string;
  readonly make: string;
  /** What is changed later, in place and in a container alike. It may do no more than docker's default capabilities allow. */
  readonly change: string;
  /** Why GNU tar can't hold it, where it can't. */
  readonly notInGnuTar?: string;
  /** Why no tar can hold it. */
  readonly notInTar?: string;
}

/** Linux's tools set no mtime of a directory that they fill later, so each script ends with its own. */
export const ROWS: readonly Row[] = [
  {
    name: "mtimes",
    // ext4 with inodes of 256 bytes holds 1901-12-13 to 2446-05-10, to the ns; what is set outside of it, the kernel sets to the nearest.
    make: `echo f > f; echo o > old; echo n > new; ln -s f l; mkdir d
      touch -d '1969-12-31 23:59:59.999999999Z' f; touch -d '1901-12-14 00:00:00.000000001Z' old; touch -d '2445-01-01 00:00:00.123456789Z' new
      touch -h -d @-1.5 l; touch -d '2106-02-07 06:28:16.000000001Z' d`,
    change: `touch -d @4294967296.000000001 old; touch -d @-0.000000001 new; touch -h -d '1950-01-01 00:00:00.5Z' l; touch -d @-2 d; touch -d @0 f`,
  },
  {
    name: "hardlinks",
    make: `mkdir -p a/b c; echo linked > a/one; ln a/one a/b/two; ln a/one c/three; ln -s x l; ln -P l a/l
      head -c 9000 /dev/zero | tr '\\0' h > a/large; ln a/large c/large; echo m > a/meta; ln a/meta c/meta; echo r > a/r; ln a/r c/r`,
    change: `echo more >> c/three; chmod 600 c/meta; touch -d @5 c/large; rm a/r; ln a/one new; mv a/b/two a/b/moved; touch -d @1 a/one`,
  },
  {
    name: "hardlinked-special-files",
    make: `mkdir d; mkfifo p; ln p d/p; mknod c c 1 3; ln c d/c; ln c d/c2`,
    change: `chown 5 p; rm d/c2; ln d/p q`,
    notInGnuTar: "GNU tar stores them as files of their own",
  },
  {
    name: "sparse",
    make: `truncate -s 1M hole; truncate -s 3M middle; printf x | dd of=middle bs=1 seek=1500000 conv=notrunc status=none
      printf head > ends; truncate -s 400K ends; printf tail >> ends; truncate -s 0 empty; truncate -s 5000 short; head -c 100000 /dev/zero > zeros`,
    change: `printf y | dd of=middle bs=1 seek=200000 conv=notrunc status=none; truncate -s 2M hole; truncate -s 200K ends; chmod 600 short; cp --sparse=always middle copy`,
  },
  {
    name: "xattrs",
    make: `echo f > f; mkdir d; ln -s f l; mkfifo p; setfattr -n user.note -v 'two words' f; setfattr -n user.binary -v 0x00ff0a003d f; setfattr -n user.empty f
      setfattr -n trusted.t -v x f; setfattr -n trusted.d -v 0x00 d; setfattr -h -n trusted.link -v 1 l; setfattr -n trusted.p -v 1 p
      setfattr -n user.d -v dir d; setfattr -n "user.$(printf '%0250d' 3)" -v 1 d`,
    change: `setfattr -x user.note f; setfattr -n user.new -v 2 f; setfattr -n user.d -v other d; echo more >> f; chmod 700 d`,
    notInGnuTar: "GNU tar 1.34 keeps no xattrs of symlinks",
  },
  {
    name: "xattrs-with-a-meaning",
    make: `mkdir -p d/below; echo f > f; setfattr -n security.label -v system_u d; setfattr -n security.ima -v 0x0302 f
      setfattr -n trusted.overlay.opaque -v y d; setfattr -n trusted.overlay.metacopy f; setfattr -n user.overlay.redirect -v /x d`,
    change: `chmod 700 d; echo more >> f; mkdir d/more`,
    notInTar: "from archives they are dropped, with a warning: they would steer the machine's own policy, or overlayfs",
  },
  {
    name: "large-xattrs",
    make: `echo f > f; mkdir d; python3 -c 'import os
for place in b"f", b"d":
  os.setxattr(place, "user.3k", b"3" * 3000); os.setxattr(place, "user.60k", bytes(range(256)) * 235); os.setxattr(place, "user.whole", b"w" * 65535)'`,
    change: `chmod 600 f; python3 -c 'import os; os.setxattr(b"d", "user.60k", b"6" * 60000); os.setxattr(b"f", "user.40k", b"4" * 40000)'`,
  },
  {
    name: "acls",
    make: `echo f > f; mkdir d; setfacl -m u:1000:rwx,g:50:r f; setfacl -m u:7:rx d; setfacl -d -m u:1000:rwx,g:4000000000:x d; echo i > d/inherits`,
    // overlayfs sets no ACL on a file that it has not copied up from an EROFS image (EOPNOTSUPP): SHORTCOMINGS.md.
    change: `chmod g+w f d d/inherits; setfacl -x g:50 f; setfacl -d -m u:8:r d; echo new > d/new; chmod 640 d/inherits`,
  },
  {
    name: "capabilities",
    make: `cp /bin/true program; setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 program; cp -a program kept`,
    change: `chmod 700 kept; cp /bin/true other; setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 other`,
  },
  {
    name: "modes",
    make: `for mode in 0000 0001 4755 2755 6711 1666 7777; do echo $mode > f$mode; chmod $mode f$mode; mkdir d$mode; chmod $mode d$mode; done; mkdir d2755/below`,
    change: `chmod 0000 f7777; chmod 7777 d0000; chmod 4711 f0001; chmod 1777 d0001; echo x > d2755/below/x`,
  },
  {
    name: "owners",
    make: `for owner in 65535 65536 2147483647 2147483653 4294967294; do echo $owner > f$owner; chown $owner:$((owner - 1)) f$owner; done
      mkdir d; chown 2147483653:4294967294 d; ln -s x l; chown -h 4294967294:70000 l; mkfifo p; chown 99999:99999 p`,
    change: `chown 4294967294:4294967294 f65535; chown 2147483648 d; chown -h 65536 l; chown 0:0 f4294967294`,
  },
  {
    name: "empty-directories",
    make: `mkdir -p a/b/c d "e "; touch -d @7 a/b/c`,
    change: `rmdir "e "; mkdir -p d/new; mkdir f; rmdir a/b/c`,
  },
  {
    name: "special-files",
    make: `mkfifo fifo; mknod null c 1 3; mknod disk b 259 70000; mknod big c 4095 1048575; mknod odd b 0 0; chmod 640 null; chown 5:6 disk`,
    change: `rm null; mknod null c 1 5; mv fifo pipe; chmod 600 big; rm disk; echo file > disk; mknod extra b 8 1`,
  },
  {
    name: "sockets",
    make: `python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket"); socket.socket(socket.AF_UNIX).bind("other")'; chmod 600 socket`,
    change: `chmod 666 socket; rm other; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("new")'`,
    notInTar: "no tar format has sockets",
  },
  {
    name: "names",
    make: `echo 1 > .wh.x; echo 2 > .wh..wh..opq; mkdir .wh.d; echo 3 > .wh.d/.wh..wh.plnk; echo 4 > $'new\\nline'; echo 5 > $'\\xff\\xfe\\x01'; echo 6 > ' '
      echo 7 > '\\'; echo 8 > -n; echo 9 > '*'; mkdir "$(printf '%0255d' 7)"; echo 10 > "$(printf '%0255d' 7)/$(printf '%0255d' 8)"; echo 11 > $'\\xc3\\xa9'; echo 12 > $'e\\xcc\\x81'`,
    change: `rm .wh.x; echo new > .wh.new; echo more >> $'new\\nline'; mv $'\\xff\\xfe\\x01' $'\\xfe'; rm .wh..wh..opq; echo again > .wh..wh..opq; chmod 600 '\\'`,
  },
  {
    name: "long-paths",
    make: `python3 -c 'import os
for n in range(24):
  os.mkdir(b"%0200d" % n); os.chdir(b"%0200d" % n)
open("file", "w").write("deep"); os.link("file", "link"); os.symlink("file", "symlink"); os.setxattr("file", "user.deep", b"1")'`,
    change: `python3 -c 'import os
for n in range(24): os.chdir(b"%0200d" % n)
open("file", "a").write("deeper"); os.mkdir("new"); os.chmod("link", 0o600)'`,
    notInGnuTar: "GNU tar extracts no path of more than 4,096 bytes",
  },
  {
    name: "replacements",
    make: `mkdir -p d1/x d2 d3/y; echo 1 > d1/x/f; echo 2 > d2/f; echo 3 > f1; echo 4 > f2; ln -s d2 l1; ln -s nowhere l2; echo 5 > d3/y/f; mkfifo p`,
    change: `rm -r d1; echo file > d1; rm -r d2; ln -s d3 d2; rm f1; mkdir f1; echo in > f1/in; rm f2; ln -s f1 f2; rm l1; mkdir l1; rm l2; echo l > l2
      rm -r d3; mkdir d3; echo opaque > d3/z; rm p; mkdir -p p/q`,
  },
  {
    name: "replaced-back",
    make: `echo file > d1; ln -s d3 d2; mkdir f1 l1; echo in > f1/in; echo l > l2; mkdir -p d3/y; echo 5 > d3/y/f`,
    change: `rm d1; mkdir -p d1/x; echo 1 > d1/x/f; rm d2; mkdir d2; rm -r f1; echo f > f1; rmdir l1; ln -s d2 l1; rm l2; ln -s nowhere l2; mv d3/y d3/z; mv d3 d4`,
  },
  {
    name: "case-renames",
    make: `echo 1 > Readme; mkdir Dir; echo 2 > Dir/File; echo 3 > both; echo 4 > BOTH`,
    change: `mv Readme README; mv Dir dir; mv dir/File dir/FILE; rm both`,
  },
  {
    name: "renames",
    make: `mkdir -p from/deep/er; for n in 1 2 3; do head -c 20000 /dev/zero | tr '\\0' $n > from/deep/$n; done; echo x > from/deep/er/x; echo cp > original`,
    change: `mv from to; mv to/deep/1 to/one; mv to/deep to/deeper; cp -p original copy; rm to/deeper/2; mkdir from; echo new > from/deep`,
  },
  {
    name: "over-4-gib",
    make: `truncate -s 4294979587 big; printf begin | dd of=big conv=notrunc status=none; printf end | dd of=big bs=1 seek=4294979584 conv=notrunc status=none
      printf middle | dd of=big bs=1 seek=4294967290 conv=notrunc status=none`,
    change: `printf changed | dd of=big bs=1 seek=4294967297 conv=notrunc status=none; chmod 600 big`,
  },
];

/** Fills the directory that it is run in with one directory a row. @param part `make` or `change`. */
export function rowsScript(part: "make" | "change", rows: readonly Row[] = ROWS): string {
  const each = rows.map((row) => `mkdir -p ${row.name}; (cd ${row.name}; ${row[part]}\n)`);
  return `umask 022; LC_ALL=C; ${each.join("\n")}`;
}
