/**
 * Everything that a run could read from this machine, pinned: same ids and same text on every host.
 *
 * @param home An empty directory that is the run's alone.
 */
export function hermeticEnvironment(home: string): NodeJS.ProcessEnv {
  return {
    // OCI runtimes and file system tools stand in sbin, which a user's PATH often lacks.
    PATH: `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`,
    HOME: home,
    XDG_DATA_HOME: `${home}/.local/share`,
    TZ: "UTC",
    LC_ALL: "C",
    TERM: "dumb",
    NO_COLOR: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_SYSTEM: "/dev/null",
    GIT_AUTHOR_NAME: "Varve Test",
    GIT_AUTHOR_EMAIL: "test@varve.invalid",
    GIT_COMMITTER_NAME: "Varve Test",
    GIT_COMMITTER_EMAIL: "test@varve.invalid",
    SOURCE_DATE_EPOCH: "981173106", // 2001-02-03T04:05:06Z
  };
}
