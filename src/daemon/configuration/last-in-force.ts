// Keeps the configuration in force on disk, and gives it to an opsd that starts and finds its files broken.

import { refusalOf } from '../../config/report/problems.ts';
import { type ConfigOptions, type ReadResult, restoreConfig } from '../../os/config/files.ts';
import { type KeptConfig, keptText, readKeptConfig, writeKeptConfig } from '../../os/files/kept-config.ts';
import type { Log } from '../../os/own-log/logger.ts';

export class LastInForce {
  readonly #path: string;
  /** What is on disk; null: not known. */
  #written: string | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Writes it down unless it is there already. opsd goes on if it cannot. */
  keep(kept: KeptConfig, log: Log): void {
    const text = keptText(kept);
    if (text === this.#written) return;
    try {
      writeKeptConfig(this.#path, text);
      this.#written = text;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn(
        'cannot keep the configuration for an opsd that finds its files broken; look at the disk and the folder',
        {
          path: this.#path,
          why,
        },
      );
    }
  }

  /** What was kept last, if it is a valid configuration for this opsd. */
  read(
    options: ConfigOptions,
  ):
    | { readonly ok: true; readonly result: ReadResult & { readonly ok: true } }
    | { readonly ok: false; readonly why: string } {
    const found = readKeptConfig(this.#path);
    if (!found.ok) return found;
    const result = restoreConfig({ ...options, allowEmpty: true }, found.kept);
    const problems = refusalOf(result, false);
    if (result.ok && problems.length === 0) return { ok: true, result };
    return { ok: false, why: `this opsd finds ${problems.length} problems in it` };
  }
}
