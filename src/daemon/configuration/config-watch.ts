// Reloads when a configuration file changes, appears or disappears (`daemon.watch_config`): by stat(2), which follows
// symlinks.

import type { Millis } from '../../core/model/spec.ts';
import { changedFiles, type Signature, signatureOf } from '../../os/config/files.ts';
import type { Clock } from '../../runtime/clock.ts';

const PERIOD: Millis = 1_000;

export class ConfigWatch implements Disposable {
  #seen: Signature;
  #pending: Signature | null = null;
  readonly #isOn: () => boolean;
  readonly #files: () => readonly string[];
  readonly #reload: () => void;
  readonly #timer: Disposable;

  /** `files`: those of the last read, with the patterns of `include`. */
  constructor(isOn: () => boolean, files: () => readonly string[], reload: () => void, clock: Clock) {
    this.#isOn = isOn;
    this.#files = files;
    this.#reload = reload;
    this.#seen = signatureOf(files());
    this.#timer = clock.every(PERIOD, () => this.#look());
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  /** A change counts if two checks find the same: no file stays half written for that long. */
  #look(): void {
    if (!this.#isOn()) return;
    const now = signatureOf(this.#files());
    const isNews = changedFiles(this.#seen, now).length > 0;
    const isSettled = this.#pending !== null && changedFiles(this.#pending, now).length === 0;
    this.#pending = isNews && !isSettled ? now : null;
    if (!isNews || !isSettled) return;
    this.#reload();
    // Files that are new since the reload have the stamps of now; the others may have changed during it, so they keep
    // the earlier stamps.
    this.#seen = new Map([...signatureOf(this.#files()), ...now]);
  }
}
