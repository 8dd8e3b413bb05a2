/** Commands of git and docker that varve lacks or calls otherwise: one sentence that says what to do instead. */
export const FOREIGN_COMMANDS: Readonly<Record<string, string>> = {
  add: "There is no staging area: varve commit records the whole tree, but what .varveignore leaves out.",
  build: "Varve has none: each step of a build is a varve run --cache -b BRANCH REV -- CMD…",
  clone: "Varve has no transfer yet: copy the store's directory, or send a tree with varve export and varve import.",
  fetch: "Varve has no remotes yet: send trees with varve export and varve import.",
  images: "Trees to run on are commits: varve branch and varve tag list their names.",
  load: "Use varve import FILE -b BRANCH, which takes a tar of one tree.",
  mv: "Varve sees what moved by itself: use mv, then varve commit.",
  prune: "Use varve gc, which removes what nothing names any more.",
  pull: "Varve has no remotes yet: bring trees in with varve import.",
  push: "Varve has no remotes yet: send trees with varve export.",
  remote: "Varve has no remotes yet: send trees with varve export and varve import.",
  reset: "Use varve rollback [REV], which saves first what is not committed.",
  rmi: "Use varve branch -d NAME or varve tag -d NAME, and varve gc for their room.",
  save: "Use varve export REV -o FILE, which writes a tar of one tree.",
};

/** The same for options, by command; before one is named, by `""`, and of all by `"*"`. */
export const FOREIGN_OPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "*": { "--no-color": "Use --color=never." },
  "": { "-v": "Use varve --version." },
  checkout: { "-b": "Use varve switch -c NAME [REV]: checkout copies a tree into an empty directory." },
  commit: {
    "-a": "Leave it out: there is no staging area, and a commit holds the whole tree.",
    "--all": "Leave it out: there is no staging area, and a commit holds the whole tree.",
    "--amend": "Commit again, then make one commit of the last two with varve squash -n 2.",
  },
  diff: {
    "--cached": "Leave it out: there is no staging area.",
    "--staged": "Leave it out: there is no staging area.",
  },
  events: {
    "--format": "Use --json: an object a line.",
    "--stream": "Use --no-stream to end when all that was is printed.",
  },
  log: {
    "--after": "Use --since.",
    "--before": "Use --until.",
  },
  status: {
    "-s": "Use varve diff --name-status for one short line a path.",
    "--short": "Use varve diff --name-status for one short line a path.",
    "--porcelain": "Use --json, or varve diff --name-status.",
  },
};
