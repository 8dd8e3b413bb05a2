/** How `import` and `commit` change the image config. */
export const CHANGE_OPTION = {
  type: "string",
  alias: "c",
  array: true,
  value: "INSTRUCTION",
  describe: "Change the image config by CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, WORKDIR, STOPSIGNAL or VOLUME",
} as const;
