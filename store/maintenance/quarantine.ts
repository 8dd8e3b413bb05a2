import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
} from "node:fs";
import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import { syncDirectory } from "../durable-file.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";

const STAT_BLOCK_BYTES = 512;

/** What stands there, as paths below the store's directory. */
export function listQuarantine({ root }: StoreLayout): readonly { readonly path: string; readonly bytes: number }[] {
  const folder = path.join(root, "quarantine");
  if (!existsSync(folder)) return [];
  return readdirSync(folder, "latin1")
    .sort()
    .map((name) => {
      const { blocks } = lstatSync(path.join(folder, name));
      return { path: path.join("quarantine", name), bytes: blocks * STAT_BLOCK_BYTES };
    });
}

/** Takes a layer's image out of the store without losing it. @returns Where it stands now. */
export function quarantine(layout: StoreLayout, id: LayerId): string {
  return into(layout, id, (from, to) => {
    renameSync(from, to);
    syncDirectory(layout.layers);
  });
}

/** The image gets a second name in quarantine/; its own is about to be another image's. */
export function linkToQuarantine(layout: StoreLayout, id: LayerId): string {
  return into(layout, id, linkSync);
}

/** A copy, made whole before the file itself is changed. @param name What it is called there. @returns Where it stands now. */
export function copyToQuarantine(layout: StoreLayout, file: string, name: string): string {
  return intoQuarantine(layout, { file, name }, (from, to) => {
    copyFileSync(from, to, constants.COPYFILE_EXCL);
    syncFile(to);
  });
}

function into(layout: StoreLayout, id: LayerId, move: (from: string, to: string) => void): string {
  return intoQuarantine(layout, { file: layout.layer(id), name: id }, move);
}

function intoQuarantine(
  layout: StoreLayout,
  { file, name }: { readonly file: string; readonly name: string },
  move: (from: string, to: string) => void,
): string {
  const folder = path.join(layout.root, "quarantine");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    let target = path.join(folder, name);
    for (let number = 1; existsSync(target); number += 1) target = path.join(folder, `${name}.${number}`);
    move(file, target);
    syncDirectory(folder);
    syncDirectory(layout.root);
    return target;
  } catch (error) {
    throw systemFailure("move something to quarantine", error, file);
  }
}

function syncFile(file: string): void {
  const fd = openSync(file, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
