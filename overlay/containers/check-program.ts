import { existsSync, readdirSync } from "node:fs";
import type { RunConfiguration } from "../../core/ports/containers.js";
import { checkCommand, type RootView } from "../rootfs/command-lookup.js";
import { resolveGroups, resolveUser, type ContainerUser } from "../rootfs/container-user.js";
import { PROGRAM_HEAD_BYTES } from "../rootfs/program-interpreter.js";
import { readUserDatabase } from "../rootfs/read-user-database.js";
import { readRootHead, rootFileMode } from "../rootfs/root-files.js";
import { environmentOf } from "../runtime/runtime-configuration.js";
import { mappedUser } from "../rootless/mapped-user.js";
import { latin1 } from "./container-directory.js";

/**
 * Looks a process's user and program up in a root, before a runtime is asked to start it.
 *
 * @param root A descriptor of the root.
 * @throws VarveError COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, and what `resolveUser` throws.
 */
export function checkProgram(configuration: RunConfiguration, root: number): ContainerUser {
  const database = readUserDatabase(root);
  const user = mappedUser(resolveUser(configuration.user, database), resolveGroups(configuration.groups ?? [], database));
  const searchPath = environmentOf(configuration, user)
    .find((variable) => variable.startsWith("PATH="))!
    .slice("PATH=".length);
  checkCommand(configuration, searchPath, rootView(root));
  return user;
}

function rootView(root: number): RootView {
  return {
    modeOf: (file) => rootFileMode(root, latin1(file)),
    headOf: (file) => readRootHead(root, latin1(file), PROGRAM_HEAD_BYTES),
    get hasOtherFormats() {
      return hasOtherFormats();
    },
  };
}

/** The kernel shows each as a file beside these two. */
export function hasOtherFormats(): boolean {
  const folder = "/proc/sys/fs/binfmt_misc";
  return existsSync(`${folder}/status`) && readdirSync(folder).some((name) => name !== "register" && name !== "status");
}
