// The configuration in force, and how it is replaced: a bad one changes nothing.

import { differences, planReload } from '../core/reload.ts';
import type { Config, Millis } from '../core/spec.ts';
import type { Problem } from '../errors.ts';
import type { ReloadResult } from '../http/view.ts';
import type { Refusal } from '../http/why.ts';
import type { ReadResult } from '../os/config-files.ts';
import type { Log } from '../os/logger.ts';
import { monotonic } from '../runtime/clock.ts';

/** Of [daemon], what a reload brings into force; the rest needs a new opsd. */
const IN_PLACE = new Set([
  'log_level',
  'start_concurrency',
  'shutdown_timeout',
  'page_logs',
  'watch_config',
  'on_event',
  'on_event_secrets',
]);

export class Configuration {
  isLastReloadGood = true;
  loadedAt: Millis = monotonic();
  readonly reloads = { applied: 0, refused: 0 };
  /** The last reload, when it was refused. */
  refusal: Refusal | null = null;
  #current: Config;
  readonly #read: (allowEmpty: boolean) => ReadResult;
  readonly #apply: (config: Config) => void;
  readonly #log: Log;

  constructor(first: Config, read: (allowEmpty: boolean) => ReadResult, apply: (config: Config) => void, log: Log) {
    this.#current = first;
    this.#read = read;
    this.#apply = apply;
    this.#log = log;
  }

  get current(): Config {
    return this.#current;
  }

  reload(options: { readonly dryRun: boolean; readonly allowEmpty: boolean }, by: string): ReloadResult {
    const read = this.#read(options.allowEmpty);
    if (!read.ok) return this.#refuse(read.problems, options.dryRun, by);
    const lost = this.#current.services.size > 0 && read.config.services.size === 0;
    if (lost && !options.allowEmpty) {
      const message = `the configuration lost all its ${this.#current.services.size} services; if that is meant: opsd ctl reload --allow-empty`;
      return this.#refuse(
        [{ where: read.files[0] ?? 'config', line: null, key: 'services', message }],
        options.dryRun,
        by,
      );
    }
    const changes = planReload(this.#current, read.config);
    if (options.dryRun) return { ok: true, changes };
    for (const warning of read.warnings) this.#log.warn('configuration', { problem: oneLine(warning) });
    this.#warnOfLater(read.config);
    this.#current = read.config;
    this.isLastReloadGood = true;
    this.refusal = null;
    this.loadedAt = monotonic();
    this.reloads.applied += 1;
    this.#log.info('configuration reloaded', { by, changes: changes.length });
    this.#apply(read.config);
    return { ok: true, changes };
  }

  #refuse(problems: readonly Problem[], isDryRun: boolean, by: string): ReloadResult {
    if (!isDryRun) {
      this.isLastReloadGood = false;
      this.refusal = { at: monotonic(), problems };
      this.reloads.refused += 1;
      this.#log.error('configuration refused; the old one stays in force', { by, problems: problems.length });
      for (const problem of problems) this.#log.error('configuration', { problem: oneLine(problem) });
    }
    return { ok: false, problems };
  }

  #warnOfLater(next: Config): void {
    for (const { key } of differences(this.#current.effective, next.effective)) {
      const [first = ''] = key.replace(/^daemon\./, '').split('.');
      if (IN_PLACE.has(first)) continue;
      this.#log.warn('this change takes effect with the next opsd: opsd ctl handover', { key: `daemon.${first}` });
    }
  }
}

/** For the log; ctl prints problems as a table. */
function oneLine({ where, line, key, message }: Problem): string {
  return `${where}${line === null ? '' : `:${line}`} ${key}: ${message}`;
}
