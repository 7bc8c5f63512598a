// Reloads when a configuration file changes (`daemon.watch_config`): by stat, which sees through symlinks and renames.

import { statSync } from 'node:fs';
import type { Millis } from '../core/spec.ts';
import { every } from '../runtime/clock.ts';

const PERIOD: Millis = 1_000;

export class ConfigWatch implements Disposable {
  #seen: string;
  #pending: string | null = null;
  readonly #isOn: () => boolean;
  readonly #files: readonly string[];
  readonly #reload: () => void;
  readonly #timer = every(PERIOD, () => this.#look());

  constructor(isOn: () => boolean, files: readonly string[], reload: () => void) {
    this.#isOn = isOn;
    this.#files = files;
    this.#reload = reload;
    this.#seen = this.#sign();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  /** A change counts once it has been the same for two looks: nobody writes half a file for that long. */
  #look(): void {
    if (!this.#isOn()) return;
    const now = this.#sign();
    if (now === this.#seen) {
      this.#pending = null;
      return;
    }
    if (now !== this.#pending) {
      this.#pending = now;
      return;
    }
    this.#seen = now;
    this.#pending = null;
    this.#reload();
  }

  #sign(): string {
    return this.#files
      .map((file) => {
        const found = statSync(file, { bigint: true, throwIfNoEntry: false });
        return found === undefined ? 'none' : `${found.ino}:${found.size}:${found.mtimeNs}`;
      })
      .join(' ');
  }
}
