import { spawnSync } from "node:child_process";

/** Makes one of everything that a tar can hold in the directory that it is run in. Needs root, setfattr, setcap, setfacl. */
export const WILD: string = String.raw`
  echo hi > f; : > "$(printf 'a\377\376')"; : > "$(printf 'a\377\375')"; : > "$(printf 'new\nline')"; : > 'back\slash'; : > ./-rf
  x=$(printf 'x%.0s' $(seq 200)); y=$(printf 'y\351%.0s' $(seq 120)); mkdir -p "d/$x/$y"; echo deep > "d/$x/$y/z"; ln "d/$x/$y/z" zlink
  ln f d/hard; ln -s f l; ln -P l lhard; ln -s "$(printf 't\377')" lbad; ln -s "$(printf 'q%.0s' $(seq 4000))" llong
  mkfifo p; mknod c c 1 3; mknod b b 259 70000; chmod 4755 f; chmod 2755 d; mkdir sticky; chmod 1777 sticky; : > zero; chmod 000 zero; : > .wh.gone
  setfattr -n user.bin -v 0x00ff0a3d80fe f; setfattr -n user.empty f; setfattr -n 'user.a=b%c' -v x f; setfattr -n trusted.t -v 0x0001 d; setfattr -n user.d -v 1 d
  setcap cap_net_raw+ep 'back\slash'; setfacl -m u:1234:rw-,g:99:r zero; setfacl -d -m u:77:rwx d
  chown 3000000000:4294967294 p; chown -h 5000000:7 l
  truncate -s 5M sparse; printf one | dd of=sparse bs=1 seek=1M conv=notrunc status=none; printf two | dd of=sparse bs=1 seek=3000000 conv=notrunc status=none
  truncate -s 40M hole; truncate -s 3M tail; printf x | dd of=tail bs=1 conv=notrunc status=none; head -c 3000000 /dev/urandom > big
  touch -d @-1.5 f; touch -h -d @1234567890.123456789 l; touch -d '2300-01-01 00:00:00.5 UTC' sticky; touch -d @4294967296 c; touch -d @1500000000.1 d .`;

export function shell(script: string, cwd: string): string {
  const { stdout, stderr, status } = spawnSync("bash", ["-ec", script], { cwd, encoding: "latin1", maxBuffer: 2 ** 28 });
  if (status !== 0) throw new RangeError(`${script}: ${stderr}`);
  return stdout;
}
