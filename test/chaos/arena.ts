// The folder of a run: configuration, journals, and the small disk that holds opsd's run directory and the logs.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';

const DISK_SIZE = '96m';
const BLOCK = Buffer.alloc(1 << 20);

export class Arena implements Disposable {
  readonly path: string;
  readonly disk: string;
  readonly run: string;
  readonly log: string;
  readonly config: string;
  readonly journals: string;
  readonly daemonLog: string;
  readonly hasSmallDisk: boolean;
  /** The folder stays, for whoever has to find out what went wrong. */
  mustKeep = false;

  constructor(seed: number) {
    this.path = resolve(import.meta.dirname, `../../tmp/chaos/${seed}-${process.pid}`);
    this.disk = join(this.path, 'disk');
    this.run = join(this.disk, 'run');
    this.log = join(this.disk, 'log');
    this.config = join(this.path, 'config.toml');
    this.journals = join(this.path, 'journals');
    this.daemonLog = join(this.path, 'opsd.log');
    for (const folder of [this.disk, this.journals, join(this.path, 'tmp')]) mkdirSync(folder, { recursive: true });
    this.hasSmallDisk =
      process.getuid?.() === 0 &&
      spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_SIZE},mode=755`, 'opsd-chaos', this.disk]).status === 0;
    for (const folder of [this.run, this.log]) mkdirSync(folder);
  }

  /** A file that every service may append to, whoever it runs as. */
  makeJournal(path: string): void {
    writeFileSync(path, '');
    chmodSync(path, 0o666);
  }

  writeConfig(text: string): void {
    writeFileSync(`${this.config}.new`, text);
    renameSync(`${this.config}.new`, this.config);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.disk);
    return bavail * bsize;
  }

  /** Nothing can be written any more. */
  fill(): void {
    const fd = openSync(join(this.disk, 'filler'), 'a');
    try {
      for (;;) writeSync(fd, BLOCK, 0, Math.max(1, Math.min(BLOCK.length, this.freeBytes)));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    } finally {
      closeSync(fd);
    }
  }

  free(): void {
    unlinkSync(join(this.disk, 'filler'));
  }

  [Symbol.dispose](): void {
    if (this.mustKeep && this.hasSmallDisk) {
      const kept = join(this.path, 'kept');
      mkdirSync(kept);
      cpSync(this.log, join(kept, 'log'), { recursive: true });
      spawnSync('cp', ['-a', this.run, kept]);
    }
    if (this.hasSmallDisk) spawnSync('umount', ['--lazy', this.disk]);
    if (!this.mustKeep) rmSync(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}
