// `opsd.state.json`: what opsd cannot find by a process scan. If the file is lost, only that is lost.

import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { codeOf } from '../../errors.ts';
import type { Log } from '../own-log/logger.ts';
import { readOwnFile } from './own-file.ts';
import { afterReboot, isSavedServiceRecord, type SavedServiceRecord } from './remembered.ts';
import { replaceFile } from './replace-file.ts';

const VERSION = 1;
/** Bytes; 10,000 services take 4 MB. */
const LARGEST = 64 << 20;
const SHAPE = /^\{"version":(\d{1,9}),"crc32":(\d{1,10}),"bootId":"([^"]{0,64})","services":(\[.*\])\}\n$/s;

interface Remembered {
  readonly services: readonly SavedServiceRecord[];
  /** The file is from before the last boot: only counters and last exits are used. */
  readonly rebooted: boolean;
  /** What is wrong with the file, one sentence; null: nothing. */
  readonly trouble: string | null;
}

type StateReading = { readonly remembered: Remembered } | { readonly missing: true } | { readonly unreadable: string };

export class StateFile {
  readonly path: string;
  readonly #bootId: string;
  readonly #log: Log;
  #failing = false;

  constructor(runDir: string, bootId: string, log: Log) {
    this.path = join(runDir, 'opsd.state.json');
    this.#bootId = bootId;
    this.#log = log;
  }

  /**
   * Reads the saved state; never throws. An unreadable file is moved aside, never overwritten; then the copy (`.bak`)
   * is used.
   */
  load(): Remembered {
    const first = this.#read(this.path);
    if ('remembered' in first) return first.remembered;
    const second = this.#read(`${this.path}.bak`);
    const trouble = 'unreadable' in first ? `${this.path}: ${first.unreadable}; ${this.#moveAside()}` : null;
    if ('remembered' in second) {
      // No file but a good copy: opsd was killed between the two renames of a save.
      const used = trouble && `${trouble}; its backup is used`;
      return { ...second.remembered, trouble: used ?? second.remembered.trouble };
    }
    return { services: [], rebooted: false, trouble };
  }

  /**
   * Replaces the file and keeps the old one as `.bak`. False: the file could not be written. That is logged once,
   * supervision goes on, and the caller must try again later.
   */
  saveNow(services: readonly SavedServiceRecord[]): boolean {
    const body = JSON.stringify(services);
    const text = `{"version":${VERSION},"crc32":${crc32(body)},"bootId":"${this.#bootId}","services":${body}}\n`;
    try {
      replaceFile(this.path, text, 0o600, `${this.path}.bak`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (!this.#failing) {
        this.#log.error(
          'cannot write the state file: services keep running, but the next opsd does not know their latest state',
          {
            path: this.path,
            why,
          },
        );
      }
      this.#failing = true;
      return false;
    }
    if (this.#failing) this.#log.info('the state file can be written again', { path: this.path });
    this.#failing = false;
    return true;
  }

  #read(path: string): StateReading {
    let text: string;
    try {
      text = readOwnFile(path, LARGEST);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return { missing: true };
      if (codeOf(error) === 'ELOOP') return { unreadable: 'it is a symlink' };
      return { unreadable: error instanceof Error ? error.message : String(error) };
    }
    const [, version, checksum, bootId, body = ''] = SHAPE.exec(text) ?? [];
    if (version === undefined) return { unreadable: 'it is not a state file, or it was cut off' };
    if (Number(version) !== VERSION) return { unreadable: `it has version ${version}, this opsd reads ${VERSION}` };
    if (Number(checksum) !== crc32(body)) return { unreadable: 'its checksum is wrong' };
    return this.#parse(body, bootId !== this.#bootId);
  }

  #parse(body: string, rebooted: boolean): StateReading {
    let list: unknown;
    try {
      list = JSON.parse(body);
    } catch {
      return { unreadable: 'it is not JSON' };
    }
    if (!Array.isArray(list)) return { unreadable: 'it holds no list of services' };
    const known = list.filter(isSavedServiceRecord);
    const lost = list.length - known.length;
    return {
      remembered: {
        services: rebooted ? known.map(afterReboot) : known,
        rebooted,
        trouble: lost > 0 ? `${this.path}: ${lost} of ${list.length} entries are invalid and ignored` : null,
      },
    };
  }

  #moveAside(): string {
    const aside = `${this.path}.unreadable`;
    try {
      renameSync(this.path, aside);
      return `kept as ${aside}`;
    } catch (error) {
      return `it could not be renamed (${codeOf(error)})`;
    }
  }
}
