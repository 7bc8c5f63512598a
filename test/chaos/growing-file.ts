// A file that somebody else appends to, read line by line; goes on in the new file when it was renamed.

import { closeSync, fstatSync, openSync, readSync, statSync, unlinkSync } from 'node:fs';

const CHUNK = Buffer.allocUnsafe(256 * 1024);

export class GrowingFile implements Disposable {
  readonly path: string;
  #fd = -1;
  #inode = 0;
  #offset = 0;
  #rest = '';
  /** Where it was renamed to: removed when it is read to its end. */
  #renamedTo: string | null = null;

  constructor(path: string) {
    this.path = path;
  }

  /** The one that is being read is the one under the name: it may be renamed. */
  get isCurrent(): boolean {
    return this.#fd !== -1 && this.#renamedTo === null && inodeOf(this.path) === this.#inode;
  }

  /** Somebody renamed it just now. */
  renamed(to: string): void {
    this.#renamedTo = to;
  }

  /** All whole lines since the last call. The old file is read to its end before the new one. */
  lines(): string[] {
    const inode = inodeOf(this.path);
    if (this.#fd === -1) {
      if (inode === null) return [];
      this.#open();
    }
    const lines = this.#read();
    if (inode === null || inode === this.#inode) return lines;
    // Whoever made the new file writes to the old one no more: what came in since the read above is its end.
    lines.push(...this.#read());
    if (this.#rest !== '') lines.push(this.#rest);
    this[Symbol.dispose]();
    if (this.#renamedTo !== null) unlinkSync(this.#renamedTo);
    this.#renamedTo = null;
    this.#rest = '';
    this.#offset = 0;
    this.#open();
    return lines.concat(this.#read());
  }

  #open(): void {
    this.#fd = openSync(this.path, 'r');
    this.#inode = fstatSync(this.#fd).ino;
  }

  #read(): string[] {
    let text = this.#rest;
    for (;;) {
      const length = readSync(this.#fd, CHUNK, 0, CHUNK.length, this.#offset);
      if (length === 0) break;
      this.#offset += length;
      text += CHUNK.toString('latin1', 0, length);
    }
    const lines = text.split('\n');
    this.#rest = lines.pop() ?? '';
    return lines;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== -1) closeSync(this.#fd);
    this.#fd = -1;
  }
}

function inodeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null;
}
