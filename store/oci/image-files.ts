import { closeSync, constants, fstatSync, readSync } from "node:fs";
import path from "node:path";
import { openRegularFile } from "../../linux/regular-file.js";
import type { ArchiveMember } from "./archive-members.js";

/** The files of images, by path: a directory, or an archive. Failures are Node's errors; `code` EFTYPE, ELOOP, ENOENT, EFBIG tell what is wrong. */
export interface ImageFiles {
  /** For messages. */
  readonly place: string;
  has(name: string): boolean;
  open(name: string): ImageFile;
  close(): void;
}

export interface ImageFile {
  readonly size: number;
  /** For messages. */
  readonly path: string;
  /** @returns Bytes read; 0 at the end. */
  read(buffer: Uint8Array, position: number): number;
  close(): void;
}

export class DirectoryFiles implements ImageFiles {
  readonly place: string;

  constructor(directory: string) {
    this.place = directory;
  }

  has(name: string): boolean {
    try {
      this.open(name).close();
      return true;
    } catch {
      return false;
    }
  }

  open(name: string): ImageFile {
    const file = path.join(this.place, name);
    const fd = openRegularFile(file, constants.O_NOFOLLOW);
    return {
      size: fstatSync(fd).size,
      path: file,
      read: (buffer, position) => readSync(fd, buffer, 0, buffer.length, position),
      close: () => closeSync(fd),
    };
  }

  close(): void {}
}

/** @param place What messages call it. */
export class ArchiveFiles implements ImageFiles {
  readonly place: string;
  readonly #fd: number;
  readonly #members: ReadonlyMap<string, ArchiveMember>;
  #isOpen = true;

  /** @param fd Closed with this. */
  constructor(place: string, fd: number, members: ReadonlyMap<string, ArchiveMember>) {
    this.place = place;
    this.#fd = fd;
    this.#members = members;
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  open(name: string): ImageFile {
    const member = this.#member(name);
    return {
      size: member.size,
      path: `${this.place}:${name}`,
      read: (buffer, position) => {
        const length = Math.min(buffer.length, member.size - position);
        return length <= 0 ? 0 : readSync(this.#fd, buffer, 0, length, member.offset + position);
      },
      close: () => undefined,
    };
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#fd);
    this.#isOpen = false;
  }

  /** Docker of before 2024 has symlinks to layers that stand in the archive already, as `../<id>/layer.tar`: one is followed, within the archive. */
  #member(name: string): { readonly offset: number; readonly size: number } {
    let member = this.#members.get(name);
    if (member !== undefined && "linkTo" in member) {
      const target = path.posix.join(path.posix.dirname(name), member.linkTo);
      member = path.posix.isAbsolute(member.linkTo) ? undefined : this.#members.get(target);
      if (member === undefined || "linkTo" in member) throw fault("ELOOP", name);
    }
    if (member === undefined) throw fault("ENOENT", name);
    return member;
  }
}

function fault(code: string, name: string): Error {
  return Object.assign(new RangeError(`${name}: ${code}`), { code });
}
