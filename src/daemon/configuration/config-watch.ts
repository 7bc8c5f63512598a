// Reloads when a configuration file changes, comes or goes (`daemon.watch_config`): by stat, which sees through symlinks.

import type { Millis } from '../../core/model/spec.ts';
import { changedFiles, type Signature, signatureOf } from '../../os/config/files.ts';
import { every } from '../../runtime/clock.ts';

const PERIOD: Millis = 1_000;

export class ConfigWatch implements Disposable {
  #seen: Signature;
  #pending: Signature | null = null;
  readonly #isOn: () => boolean;
  readonly #files: () => readonly string[];
  readonly #reload: () => void;
  readonly #timer = every(PERIOD, () => this.#look());

  /** `files`: of the last read, `include` patterns among them. */
  constructor(isOn: () => boolean, files: () => readonly string[], reload: () => void) {
    this.#isOn = isOn;
    this.#files = files;
    this.#reload = reload;
    this.#seen = signatureOf(files());
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  /** A change counts once it has been the same for two looks: nobody writes half a file for that long. */
  #look(): void {
    if (!this.#isOn()) return;
    const now = signatureOf(this.#files());
    const isNews = changedFiles(this.#seen, now).length > 0;
    const isSettled = this.#pending !== null && changedFiles(this.#pending, now).length === 0;
    this.#pending = isNews && !isSettled ? now : null;
    if (!isNews || !isSettled) return;
    this.#reload();
    // Files that are known since are as they were read; those that were known may have changed again meanwhile.
    this.#seen = new Map([...signatureOf(this.#files()), ...now]);
  }
}
