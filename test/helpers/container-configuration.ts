import type { RunConfiguration } from "../../core/ports/containers.js";

/** For containers that are never started, or whose process does nothing. */
export const CONFIGURATION: RunConfiguration = {
  command: ["true"],
  environment: [],
  workingDirectory: "/",
  user: "0",
  hostname: "h",
  network: "none",
  terminal: false,
  interactive: false,
  readOnly: false,
  volumes: [],
  limits: {},
};
