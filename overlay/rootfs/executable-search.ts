import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";

/** Where system programs stand, though a user's PATH may not say so. */
const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** @returns The absolute path of a program of the host; relative entries of PATH are not searched. */
export function findExecutable(name: string, searchPath: string = process.env["PATH"] ?? ""): string | undefined {
  const folders = [...searchPath.split(":").filter((folder) => path.isAbsolute(folder)), ...SYSTEM_FOLDERS];
  return folders.map((folder) => path.join(folder, name)).find(isExecutableFile);
}

function isExecutableFile(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
