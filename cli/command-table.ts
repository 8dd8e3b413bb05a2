import type { Command } from "./command.js";

export interface CommandRow {
  readonly group: "start" | "look" | "change" | "run" | "move" | "keep";
  readonly summary: string;
  /** Commands are loaded when they are called: most calls need one. */
  readonly load: () => Promise<Command>;
}

/** Every command, in the order of `varve --help`. A test compares the summaries with the commands' own. */
export const COMMANDS: Readonly<Record<string, CommandRow>> = {
  init: {
    group: "start",
    summary: "Track a directory, or make an empty shared store",
    load: async () => (await import("./commands/init.js")).initCommand,
  },
  clone: {
    group: "start",
    summary: "Make a new store of another one's history: from a registry, or a bundle",
    load: async () => (await import("./commands/clone.js")).cloneCommand,
  },
  import: {
    group: "start",
    summary: "Commit a directory or a tar archive to a branch",
    load: async () => (await import("./commands/import.js")).importCommand,
  },
  doctor: {
    group: "start",
    summary: "Tell what this machine can do, and what to do about the rest",
    load: async () => (await import("./commands/doctor.js")).doctorCommand,
  },
  completion: {
    group: "start",
    summary: "Print what teaches a shell to complete varve's command lines",
    load: async () => (await import("./commands/completion.js")).completionCommand,
  },
  status: {
    group: "look",
    summary: "Show what has changed since the last commit",
    load: async () => (await import("./commands/status.js")).statusCommand,
  },
  diff: {
    group: "look",
    summary: "Show the paths that differ between two trees, and why",
    load: async () => (await import("./commands/diff.js")).diffCommand,
  },
  log: {
    group: "look",
    summary: "Show the commits that led to a revision, newest first",
    load: async () => (await import("./commands/log.js")).logCommand,
  },
  show: {
    group: "look",
    summary: "Show commits and what they changed, or what they hold at a path",
    load: async () => (await import("./commands/show.js")).showCommand,
  },
  blame: {
    group: "look",
    summary: "Show which commit last changed each path, or each line of a text",
    load: async () => (await import("./commands/blame.js")).blameCommand,
  },
  find: {
    group: "look",
    summary: "Look for paths in all versions of a history",
    load: async () => (await import("./commands/find.js")).findCommand,
  },
  reflog: {
    group: "look",
    summary: "Show where a branch, or HEAD, has stood",
    load: async () => (await import("./commands/reflog.js")).reflogCommand,
  },
  ls: {
    group: "look",
    summary: "List a directory of a tree",
    load: async () => (await import("./commands/ls.js")).lsCommand,
  },
  cat: {
    group: "look",
    summary: "Print a file of a tree",
    load: async () => (await import("./commands/cat.js")).catCommand,
  },
  inspect: {
    group: "look",
    summary: "Print all that is known of containers and commits, as JSON",
    load: async () => (await import("./commands/inspect.js")).inspectCommand,
  },
  check: {
    group: "look",
    summary: "Tell whether a commit or live tree keeps rules: a gate for CI",
    load: async () => (await import("./commands/check.js")).checkCommand,
  },
  commit: {
    group: "change",
    summary: "Record the tree of a directory or container as a new commit",
    load: async () => (await import("./commands/commit.js")).commitCommand,
  },
  rollback: {
    group: "change",
    summary: "Make a directory's or container's tree equal to a commit",
    load: async () => (await import("./commands/rollback.js")).rollbackCommand,
  },
  switch: {
    group: "change",
    summary: "Put a directory or container on another branch",
    load: async () => (await import("./commands/switch.js")).switchCommand,
  },
  stash: {
    group: "change",
    summary: "Put aside what is not committed, and take it up again",
    load: async () => (await import("./commands/stash.js")).stashCommand,
  },
  restore: {
    group: "change",
    summary: "Make paths of a directory or container what they are in a commit",
    load: async () => (await import("./commands/restore.js")).restoreCommand,
  },
  merge: {
    group: "change",
    summary: "Join what another branch has changed into a directory's or container's",
    load: async () => (await import("./commands/merge.js")).mergeCommand,
  },
  resolve: {
    group: "change",
    summary: "End conflicts of a merge: take a side, or what stands there",
    load: async () => (await import("./commands/resolve.js")).resolveCommand,
  },
  "cherry-pick": {
    group: "change",
    summary: "Make the changes of commits once more",
    load: async () => (await import("./commands/cherry-pick.js")).cherryPickCommand,
  },
  revert: {
    group: "change",
    summary: "Take the changes of commits back, as new commits",
    load: async () => (await import("./commands/revert.js")).revertCommand,
  },
  rebase: {
    group: "change",
    summary: "Put a branch's or container's own changes on another commit",
    load: async () => (await import("./commands/rebase.js")).rebaseCommand,
  },
  squash: {
    group: "change",
    summary: "Make one commit of several",
    load: async () => (await import("./commands/squash.js")).squashCommand,
  },
  "forget-path": {
    group: "change",
    summary: "Take paths out of every commit that holds them",
    load: async () => (await import("./commands/forget-path.js")).forgetPathCommand,
  },
  undo: {
    group: "change",
    summary: "Take back the last command that changed something",
    load: async () => (await import("./commands/undo.js")).undoCommand,
  },
  redo: {
    group: "change",
    summary: "Do again what undo took back",
    load: async () => (await import("./commands/redo.js")).redoCommand,
  },
  op: {
    group: "change",
    summary: "Show what commands did, and go back to where one left things",
    load: async () => (await import("./commands/op.js")).opCommand,
  },
  branch: {
    group: "change",
    summary: "List, make, rename or delete branches",
    load: async () => (await import("./commands/branch.js")).branchCommand,
  },
  tag: {
    group: "change",
    summary: "List, make or delete tags",
    load: async () => (await import("./commands/tag.js")).tagCommand,
  },
  bisect: {
    group: "change",
    summary: "Find the commit that brought a change, by halving",
    load: async () => (await import("./commands/bisect.js")).bisectCommand,
  },
  run: {
    group: "run",
    summary: "Run a process in a new container on a commit",
    load: async () => (await import("./commands/run.js")).runCommand,
  },
  try: {
    group: "run",
    summary: "Run a command on a throw-away layer, then keep, apply or discard what it changed",
    load: async () => (await import("./commands/try.js")).tryCommandLine,
  },
  create: {
    group: "run",
    summary: "Make a container on a commit, and start nothing",
    load: async () => (await import("./commands/create.js")).createCommand,
  },
  start: {
    group: "run",
    summary: "Run a container's process again, on the tree it left",
    load: async () => (await import("./commands/start.js")).startCommand,
  },
  stop: {
    group: "run",
    summary: "End a container's process",
    load: async () => (await import("./commands/stop.js")).stopCommand,
  },
  restart: {
    group: "run",
    summary: "End containers' processes, and start them again",
    load: async () => (await import("./commands/restart.js")).restartCommand,
  },
  update: {
    group: "run",
    summary: "Change what containers may use",
    load: async () => (await import("./commands/update.js")).updateCommand,
  },
  pause: {
    group: "run",
    summary: "Freeze containers' processes",
    load: async () => (await import("./commands/pause.js")).pauseCommand,
  },
  unpause: {
    group: "run",
    summary: "Let paused containers go on",
    load: async () => (await import("./commands/unpause.js")).unpauseCommand,
  },
  kill: {
    group: "run",
    summary: "Send a signal to a container's process",
    load: async () => (await import("./commands/kill.js")).killCommand,
  },
  exec: {
    group: "run",
    summary: "Run a process in a container that runs",
    load: async () => (await import("./commands/exec.js")).execCommand,
  },
  attach: {
    group: "run",
    summary: "Tie your terminal to a container in the background",
    load: async () => (await import("./commands/attach.js")).attachCommand,
  },
  logs: {
    group: "run",
    summary: "Print what a container in the background has written",
    load: async () => (await import("./commands/logs.js")).logsCommand,
  },
  wait: {
    group: "run",
    summary: "Wait until containers' processes end, and print their exit codes",
    load: async () => (await import("./commands/wait.js")).waitCommand,
  },
  cp: {
    group: "run",
    summary: "Copy files into a container, or out of one",
    load: async () => (await import("./commands/cp.js")).cpCommand,
  },
  events: {
    group: "run",
    summary: "Print what happens to containers and in the store, as it happens",
    load: async () => (await import("./commands/events.js")).eventsCommand,
  },
  stats: {
    group: "run",
    summary: "Show what containers use: processors, memory, block I/O, network",
    load: async () => (await import("./commands/stats.js")).statsCommand,
  },
  top: {
    group: "run",
    summary: "List the processes of a container",
    load: async () => (await import("./commands/top.js")).topCommand,
  },
  ps: {
    group: "run",
    summary: "List containers",
    load: async () => (await import("./commands/ps.js")).psCommand,
  },
  port: {
    group: "run",
    summary: "List a container's published ports",
    load: async () => (await import("./commands/port.js")).portCommand,
  },
  network: {
    group: "run",
    summary: "Make, list and remove networks of containers",
    load: async () => (await import("./commands/network.js")).networkCommand,
  },
  rename: {
    group: "run",
    summary: "Give a container another name",
    load: async () => (await import("./commands/rename.js")).renameCommand,
  },
  rm: {
    group: "run",
    summary: "Remove containers",
    load: async () => (await import("./commands/rm.js")).rmCommand,
  },
  volume: {
    group: "run",
    summary: "Make, list and remove volumes: directories that containers share",
    load: async () => (await import("./commands/volume.js")).volumeCommand,
  },
  mount: {
    group: "run",
    summary: "Show a commit's tree as a directory, read-only",
    load: async () => (await import("./commands/mount.js")).mountCommand,
  },
  umount: {
    group: "run",
    summary: "Take away what mount shows",
    load: async () => (await import("./commands/umount.js")).umountCommand,
  },
  checkout: {
    group: "move",
    summary: "Write a commit's tree into an empty directory",
    load: async () => (await import("./commands/checkout.js")).checkoutCommand,
  },
  bundle: {
    group: "move",
    summary: "Write commits, branches and layers to one file, for another store",
    load: async () => (await import("./commands/bundle.js")).bundleCommand,
  },
  export: {
    group: "move",
    summary: "Write a tree as a tar archive, a disk image or an LXC container",
    load: async () => (await import("./commands/export.js")).exportCommand,
  },
  load: {
    group: "move",
    summary: "Bring images in, with their history: a docker archive, an OCI layout, a bundle",
    load: async () => (await import("./commands/load.js")).loadCommand,
  },
  save: {
    group: "move",
    summary: "Write commits as images: what docker and podman load, or an OCI layout",
    load: async () => (await import("./commands/save.js")).saveCommand,
  },
  images: {
    group: "move",
    summary: "List image references: what was loaded, pulled or tagged so",
    load: async () => (await import("./commands/images.js")).imagesCommand,
  },
  rmi: {
    group: "move",
    summary: "Delete image references",
    load: async () => (await import("./commands/rmi.js")).rmiCommand,
  },
  pull: {
    group: "move",
    summary: "Bring an image in from a registry, with its history",
    load: async () => (await import("./commands/pull.js")).pullCommand,
  },
  push: {
    group: "move",
    summary: "Send a commit to a registry, as an image with its history",
    load: async () => (await import("./commands/push.js")).pushCommand,
  },
  login: {
    group: "move",
    summary: "Keep credentials for a registry, as docker does",
    load: async () => (await import("./commands/login.js")).loginCommand,
  },
  logout: {
    group: "move",
    summary: "Forget the credentials for a registry",
    load: async () => (await import("./commands/logout.js")).logoutCommand,
  },
  gc: {
    group: "keep",
    summary: "Remove layers that nothing leads to",
    load: async () => (await import("./commands/gc.js")).gcCommand,
  },
  fsck: {
    group: "keep",
    summary: "Check the whole store, and tell what damage touches",
    load: async () => (await import("./commands/fsck.js")).fsckCommand,
  },
  du: {
    group: "keep",
    summary: "Show what commits and layers take, share and waste",
    load: async () => (await import("./commands/du.js")).duCommand,
  },
};

/** Other names of commands. */
export const ALIASES: Readonly<Record<string, string>> = { history: "log" };
