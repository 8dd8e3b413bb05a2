import { chmodSync, closeSync, openSync, readSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import type { CommitId, LayerId } from "../../core/model/ids.js";
import { createContainer } from "../../core/operations/container-lifecycle.js";
import { CONFIGURATION } from "./container-configuration.js";
import { maintainedStore, type MaintainedStore } from "./maintained-store.js";

export interface FilledStore extends MaintainedStore {
  readonly first: CommitId;
  readonly second: CommitId;
  readonly third: CommitId;
  /** Of the first commit; it lends `big` to the second's. */
  readonly lender: LayerId;
  readonly borrower: LayerId;
}

/** `big` is written, then its mode changes, then it goes; `small` stays. A container stands on the second commit. */
export async function filledStore(t: ExecutionContext): Promise<FilledStore> {
  const store = await maintainedStore(t);
  const { directory, repository } = store;
  const big = path.join(directory, "big");
  writeFileSync(big, Buffer.alloc(20_000, "big content "));
  writeFileSync(path.join(directory, "small"), "small");
  const first = await store.commit("first");
  chmodSync(big, 0o600);
  const second = await store.commit("second");
  await createContainer(repository, { name: "web", commit: second, configuration: CONFIGURATION, command: "create" });
  rmSync(big);
  const third = await store.commit("third");
  return { ...store, first, second, third, lender: await store.layerOf(first), borrower: await store.layerOf(second) };
}

/** Writes over bytes of a file, which keeps its mode. Without `bytes` it flips one: what stands there may be any byte. */
export function patch(file: string, position: number, bytes?: Buffer): void {
  const { mode } = statSync(file);
  chmodSync(file, 0o600);
  const fd = openSync(file, "r+");
  writeSync(fd, bytes ?? flippedByte(fd, position), 0, bytes?.length ?? 1, position);
  closeSync(fd);
  chmodSync(file, mode);
}

function flippedByte(fd: number, position: number): Buffer {
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, position);
  byte[0]! ^= 0xff;
  return byte;
}

export function truncate(file: string, length: number): void {
  chmodSync(file, 0o600);
  truncateSync(file, length);
}
