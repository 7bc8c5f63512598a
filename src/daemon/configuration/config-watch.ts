// Reloads when a configuration file changes, appears or disappears (`daemon.watch_config`): by stat(2) in the background,
// which follows symlinks.

import type { Millis } from '../../core/model/spec.ts';
import { type ConfigSignature, changedFiles, signatureInBackground, signatureOf } from '../../os/config/files.ts';
import type { Clock } from '../../runtime/clock.ts';

const PERIOD: Millis = 1_000;
/** Periods without an answer of the disks, after which the log tells it. */
const SILENT = 10;

const UNANSWERED =
  'watch_config: the disk of a configuration file does not answer, and no change is noticed until it does';

interface ConfigWatchOptions {
  readonly isOn: () => boolean;
  /** Those of the last read, with the patterns of `include`. */
  readonly files: () => readonly string[];
  readonly reload: () => void;
  readonly warn: (message: string) => void;
}

export class ConfigWatch implements Disposable {
  #seen: ConfigSignature;
  #pending: ConfigSignature | null = null;
  readonly #isOn: () => boolean;
  readonly #files: () => readonly string[];
  readonly #reload: () => void;
  readonly #look: typeof signatureInBackground;
  readonly #warn: (message: string) => void;
  readonly #timer: Disposable;
  /** The periods that the check in progress has lasted; null: none is in progress. */
  #waited: number | null = null;
  #isOver = false;

  constructor(
    { isOn, files, reload, warn }: ConfigWatchOptions,
    clock: Pick<Clock, 'every'>,
    look: typeof signatureInBackground = signatureInBackground,
  ) {
    this.#look = look;
    this.#warn = warn;
    this.#isOn = isOn;
    this.#files = files;
    this.#reload = reload;
    this.#seen = signatureOf(files());
    this.#timer = clock.every(PERIOD, () => void this.#tick());
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#timer[Symbol.dispose]();
  }

  async #tick(): Promise<void> {
    if (this.#waited !== null) {
      this.#waited += 1;
      if (this.#waited === SILENT) this.#warn(UNANSWERED);
      return;
    }
    if (!this.#isOn()) return;
    this.#waited = 0;
    const now = await this.#look(this.#files());
    this.#waited = null;
    if (!this.#isOver) this.#compare(now);
  }

  /** A change counts if two checks find the same: no file stays half written for that long. */
  #compare(now: ConfigSignature): void {
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
