/** Commands of git and docker that varve lacks or calls otherwise: one sentence that says what to do instead. */
export const FOREIGN_COMMANDS: Readonly<Record<string, string>> = {
  add: "There is no staging area: varve commit records the whole tree, but what .varveignore leaves out.",
  build: "Varve has none: each step of a build is a varve run --cache -b BRANCH REV -- CMD…",
  fetch: "Use varve pull REFERENCE for an image, varve load FILE for a bundle.",
  mv: "Varve sees what moved by itself: use mv, then varve commit.",
  prune: "Use varve gc, which removes what nothing names any more.",
  remote: "Varve has no remotes: varve push REV REFERENCE and varve pull REFERENCE name the registry.",
  reset: "Use varve rollback [REV], which saves first what is not committed.",
};

const AS_JSON = "Use --json, and jq for parts of it.";
const IN_A_PIPE = "Send the password to --password-stdin: on a command line everybody could see it.";
const NO_TLS =
  "Use --insecure HOST for a registry without TLS, and /etc/docker/certs.d/HOST/ca.crt for a certificate of your own.";
/** Of docker, for a process that is run. */
const RUN_WORDS = {
  "--annotation": "Use --label.",
  "--cgroup-parent": "Leave it out: each container has a control group of its own.",
  "--cidfile": "The id is what varve run -d and varve create print: redirect that.",
  "--cpuset": "Use --cpuset-cpus.",
  "-c": "Use --cpu-shares.",
  "--dns-opt": "Use --dns-option.",
  "--gpus": "Use --device for each device that it needs, and -v for the driver's libraries.",
  "--link": "Use varve network create NAME, and --network NAME for both: there they know each other by name.",
  "--net": "Use --network.",
  "--platform": "Leave it out: the commit's image config says what it is for.",
  "--pull": "Leave it out: REV is a commit of the store.",
  "--replace": "Remove that container first: varve rm -f NAME.",
  "--userns": "Leave it out: an ordinary user's container has a user namespace, root's has none.",
  "--volumes-from": "Give -v NAME:PATH for each volume: containers may share them.",
};

/** The same for options, by command; before one is named, by `""`, and of all by `"*"`. */
export const FOREIGN_OPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "*": { "--no-color": "Use --color=never." },
  "": { "-v": "Use varve --version." },
  clone: { "--depth": "Leave it out: a history comes as a whole, and varve pull --no-history takes an image alone." },
  checkout: { "-b": "Use varve switch -c NAME [REV]: checkout copies a tree into an empty directory." },
  commit: {
    "-a": "Leave it out: there is no staging area, and a commit holds the whole tree.",
    "--all": "Leave it out: there is no staging area, and a commit holds the whole tree.",
    "--amend": "Commit again, then make one commit of the last two with varve squash -n 2.",
  },
  create: RUN_WORDS,
  diff: {
    "--cached": "Leave it out: there is no staging area.",
    "--staged": "Leave it out: there is no staging area.",
  },
  events: {
    "--format": "Use --json: an object a line.",
    "--stream": "Use --no-stream to end when all that was is printed.",
  },
  exec: {
    "--privileged": "Give it to varve run: what a process may do is its container's.",
  },
  images: {
    "-a": "Leave it out: all that has a name is listed; varve log NAME shows what an image is made of.",
    "--all": "Leave it out: all that has a name is listed; varve log NAME shows what an image is made of.",
    "-f": AS_JSON,
    "--filter": AS_JSON,
    "--format": AS_JSON,
    "--no-trunc": AS_JSON,
  },
  inspect: { "-f": AS_JSON, "--format": AS_JSON },
  log: {
    "--after": "Use --since.",
    "--before": "Use --until.",
    "--format": AS_JSON,
    "--no-trunc": AS_JSON,
  },
  login: {
    "-p": IN_A_PIPE,
    "--password": IN_A_PIPE,
    "--tls-verify": NO_TLS,
  },
  network: {
    "-d": "Leave it out: each network is a bridge.",
    "--driver": "Leave it out: each network is a bridge.",
  },
  ps: {
    "--format": AS_JSON,
    "--no-trunc": AS_JSON,
  },
  pull: {
    "-a": "Name one after the other: varve images --remote REPOSITORY lists the tags.",
    "--all-tags": "Name one after the other: varve images --remote REPOSITORY lists the tags.",
    "--tls-verify": NO_TLS,
  },
  push: {
    "-a": "Name one after the other; --all lets every branch travel with the image.",
    "--all-tags": "Name one after the other; --all lets every branch travel with the image.",
    "--tls-verify": NO_TLS,
  },
  run: RUN_WORDS,
  start: { "-i": "Leave it out: with -a input goes to a container that was made with -i." },
  stats: {
    "-a": "Name those that do not run: varve stats CONTAINER….",
    "--all": "Name those that do not run: varve stats CONTAINER….",
    "--format": AS_JSON,
  },
  status: {
    "-s": "Use varve diff --name-status for one short line a path.",
    "--short": "Use varve diff --name-status for one short line a path.",
    "--porcelain": "Use --json, or varve diff --name-status.",
  },
  top: { "-o": AS_JSON },
  update: {
    "-m": "Use --memory.",
    "--restart": "Give it to varve run or varve create: it holds as long as the container.",
  },
  volume: {
    "-d": "Leave it out: each volume is a directory of the store.",
    "--driver": "Leave it out: each volume is a directory of the store.",
    "--name": "Give the name alone: varve volume create NAME.",
  },
};
