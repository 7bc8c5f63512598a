// Keeps the configuration in force on disk, and gives it to an opsd that starts and finds its files broken.

import { refusalOf } from '../../config/report/problems.ts';
import { type ConfigOptions, type ReadResult, restoreConfig } from '../../os/config/files.ts';
import {
  type KeptConfig,
  keptText,
  readKeptConfig,
  removeKeptConfig,
  tooLarge,
  writeKeptConfig,
} from '../../os/files/kept-config.ts';
import type { Log } from '../../os/own-log/logger.ts';

export class LastInForce {
  readonly #path: string;
  /** What is on disk; null: not known. */
  #written: string | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Writes it down unless it is there already. opsd goes on if it cannot; then nothing is kept. */
  keep(kept: KeptConfig, log: Log): void {
    try {
      const text = keptText(kept);
      if (text === this.#written) return;
      this.#written = null;
      writeKeptConfig(this.#path, text);
      this.#written = text;
      const files = tooLarge(kept.texts).map((key) => JSON.parse(key)[0]);
      const what = 'env_files are too large to be kept: an opsd that finds its files broken reads them again';
      if (files.length > 0) log.warn(what, { count: files.length, first: files[0] });
    } catch (error) {
      const what =
        'cannot keep the configuration for an opsd that finds its files broken; look at the disk and the folder';
      log.error(what, { path: this.#path, why: messageOf(error), earlier: this.#removeEarlier() });
    }
  }

  /** What is kept from before is no longer in force. */
  #removeEarlier(): string {
    this.#written = null;
    try {
      removeKeptConfig(this.#path);
      return 'removed';
    } catch (error) {
      return `cannot be removed, so remove it: ${messageOf(error)}`;
    }
  }

  /**
   * Why env.toml has to be there; null: what was kept last had none either. Without it the listener would ask for no
   * token, and services would lack their secrets.
   */
  whySecrets(): string | null {
    const found = readKeptConfig(this.#path);
    if (!found.ok || !found.kept.files.some(({ role, text }) => role === 'secret' && text.trim() !== '')) return null;
    return `is missing, and the configuration last in force has it; restore it, or, if it is not to be there, remove ${this.#path}`;
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
