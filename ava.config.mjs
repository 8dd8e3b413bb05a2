/**
 * Suites that start dozens of containers each, move images through other programs, or kill commands over and over: `npm run test:slow` runs them, so that
 * `npm test` takes less than a quarter of an hour on two cores. CI runs both.
 */
const SLOW = [
  "build/test/crash/**/*.test.js",
  ...[
    "anonymous-volumes",
    "background",
    "bisect",
    "clone-killed",
    "copying",
    "docker-daemon",
    "events",
    "export-forms",
    "history",
    "included-mounts",
    "included-volumes",
    "interrupted-contents",
    "load",
    "network",
    "registry",
    "rootless",
    "rootless-network",
    "save",
    "slow-directory",
    "transfers",
    "try-machine",
    "unpacked-layers",
  ].map((name) => `build/test/cli/${name}.test.js`),
  ...["container-lifecycle", "isolation", "run-container", "run-places"].map(
    (name) => `build/test/overlay/containers/${name}*.test.js`,
  ),
];
const ALL = "build/test/**/*.test.js";

/** Files that are named on the command line are run in either case. */
const isNamed = process.argv.slice(2).some((word) => word.includes("build/test/"));

export default {
  files: isNamed ? [ALL] : process.env["VARVE_SUITES"] === "slow" ? SLOW : [ALL, ...SLOW.map((pattern) => `!${pattern}`)],
  concurrency: 2,
  workerThreads: false,
  timeout: "5m",
};
