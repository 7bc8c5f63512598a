// The configuration in force, and how it is replaced: a bad one changes nothing.

import type { ReloadResult, ScaleResult } from '../../api/reload.ts';
import { oneLine, refusalOf } from '../../config/report/problems.ts';
import { type DaemonChange, planDaemon } from '../../core/model/changes.ts';
import type { Config } from '../../core/model/config.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { State } from '../../core/model/state.ts';
import { planReloadOf } from '../../core/rollout/reload-plan.ts';
import type { Problem } from '../../errors.ts';
import type { ReadResult } from '../../os/config/files.ts';
import type { KeptConfig } from '../../os/files/kept-config.ts';
import type { Log } from '../../os/own-log/logger.ts';
import type { Clock } from '../../runtime/clock.ts';
import { hideAll, SecretMasks } from '../../text/masks.ts';
import type { RejectedReload } from '../../why/facts.ts';
import { type Scale, whyNotScaled } from './scale.ts';

const NOTHING = new SecretMasks(new Set());

interface ConfigurationOptions {
  /** The configuration that opsd starts with. */
  readonly first: ReadResult & { readonly ok: true };
  /** Problems of the files, where `first` is the configuration last in force; null: it is that of the files. */
  readonly refused: readonly Problem[] | null;
  readonly read: (allowEmpty: boolean) => ReadResult;
  /** Writes down what is in force, for the next opsd. */
  readonly keep: (kept: KeptConfig) => void;
  /** Brings a configuration into force. */
  readonly apply: (config: Config, masks: SecretMasks) => void;
  /** The state of the services now. */
  readonly state: () => State;
  readonly scale: Scale;
  readonly log: Log;
  readonly clock: Pick<Clock, 'now'>;
}

export class Configuration {
  isLastReloadGood: boolean;
  loadedAt: Millis;
  readonly reloads = { applied: 0, refused: 0 };
  /** Why the files were refused when they were last read; null: they were not. */
  refusal: RejectedReload | null;
  /** Files and patterns of the last read; a change of one of them matters. */
  files: readonly string[];
  #current: Config;
  #rescaled: ReadResult['rescaled'];
  #kept: ReadResult['kept'];
  readonly #options: ConfigurationOptions;

  constructor(options: ConfigurationOptions) {
    const { first, refused, scale, log, clock } = options;
    this.#options = options;
    this.loadedAt = clock.now();
    this.files = first.files;
    this.#current = first.config;
    this.#rescaled = first.rescaled;
    this.#kept = first.kept;
    this.isLastReloadGood = refused === null;
    this.refusal = refused && { at: clock.now(), problems: refused };
    scale.settle(first.config, log);
  }

  /** opsd supervises with this configuration from now on. */
  begin(): void {
    this.#options.keep(this.#kept());
  }

  /** What the next opsd would start with, or the problems that would keep it from its start. */
  forNext(): { readonly config: Config } | { readonly problems: readonly Problem[] } {
    const read = this.#tryRead(true);
    const refused = refusalOf(read, false);
    if (!read.ok || refused.length > 0) return { problems: [...refused, ...this.#options.scale.blame(read)] };
    const lost = lossOf(this.#current, read);
    return lost === null ? { config: read.config } : { problems: [lost] };
  }

  get current(): Config {
    return this.#current;
  }

  reload(options: { readonly dryRun: boolean; readonly allowEmpty: boolean }, by: string): ReloadResult {
    if (!options.dryRun && this.#options.state().phase.name !== 'running') {
      this.#options.log.warn('reload ignored: opsd is exiting', { by });
      const message = 'opsd is exiting: the next opsd reads the configuration when it starts';
      return { ok: false, code: 'shutting_down', message, problems: [] };
    }
    const read = this.#tryRead(options.allowEmpty);
    if (!options.dryRun) this.files = read.files;
    const refused = refusalOf(read, false);
    if (!read.ok || refused.length > 0) {
      return this.#refuse([...refused, ...this.#options.scale.blame(read)], options.dryRun, by);
    }
    const { hostProblems } = read;
    const lost = options.allowEmpty ? null : lossOf(this.#current, read);
    if (lost !== null) return this.#refuse([lost], options.dryRun, by);
    const changes = planReloadOf(this.#options.state(), this.#current, read.config);
    const daemon = planDaemon(this.#current, read.config);
    // A secret of one configuration may be plain text in the other.
    if (options.dryRun) return hideAll({ ok: true, changes, daemon, hostProblems }, read.masks);
    for (const warning of read.warnings) this.#options.log.warn('configuration', { problem: oneLine(warning) });
    for (const problem of hostProblems) this.#options.log.error('this host', { problem: oneLine(problem) });
    this.#warnOfLater(daemon);
    this.#current = read.config;
    this.#rescaled = read.rescaled;
    this.#kept = read.kept;
    this.isLastReloadGood = true;
    this.refusal = null;
    this.loadedAt = this.#options.clock.now();
    this.reloads.applied += 1;
    this.#options.log.info('configuration reloaded', { by, changes: changes.length });
    this.#options.scale.settle(read.config, this.#options.log);
    this.#options.apply(read.config, read.masks);
    this.#options.keep(read.kept());
    return { ok: true, changes, daemon, hostProblems };
  }

  /** A bug in the reader must not end opsd, which has a valid configuration. */
  #tryRead(allowEmpty: boolean): ReadResult {
    try {
      return this.#options.read(allowEmpty);
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#options.log.error('internal error: the configuration cannot be read', { why });
      const message = 'internal error of opsd while reading this; its log has the stack trace';
      const problem = { where: this.files[0] ?? 'config', line: null, key: '', message };
      return {
        ok: false,
        problems: [problem],
        warnings: [],
        masks: NOTHING,
        files: this.files,
        rescaled: this.#rescaled,
        kept: this.#kept,
        hostProblems: [],
      };
    }
  }

  /**
   * Makes the configuration in force anew from the same files, with what its services lacked of this host: nothing
   * happens as long as all of `services` lack it.
   */
  refresh(services: readonly string[]): void {
    if (this.#options.state().phase.name !== 'running') return;
    const gaps = [...this.#current.services.values()].flatMap(({ gap }) => gap?.path ?? []);
    const next = this.#rescaled(this.#options.scale.counts, new Set(gaps));
    if (!next.ok) return;
    const { config } = next;
    const hasAll = (service: string) => config.services.has(service) && !config.services.get(service)?.hindrance;
    const met = services.filter(hasAll);
    if (met.length === 0) return;
    for (const service of met) {
      this.#options.log.info('a requirement of a service on this host is met now', { service });
    }
    this.#current = config;
    this.#options.apply(config, next.masks);
  }

  /** Scales a service in the configuration in force: later changes of the files wait for a reload. */
  scale(service: string, instances: number | null, by: string): ScaleResult {
    const before = this.#current;
    const refusal = whyNotScaled(before, service, instances);
    if (refusal !== null) return refusal;
    const counts = this.#options.scale.with(service, instances);
    const next = this.#rescaled(counts);
    if (!next.ok) {
      const message = `${service} cannot have that many instances: the configuration would have problems; nothing was changed`;
      return { ok: false, code: 'bad_configuration', message, problems: next.problems };
    }
    try {
      this.#options.scale.keep(counts);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const message = `cannot save the scale of ${service}, so nothing was changed: ${why}; look at the disk and the folder`;
      return { ok: false, code: 'not_saved', message };
    }
    const { config } = next;
    const group = config.groups.get(service) ?? { configured: 0, instances: 0 };
    const was = before.groups.get(service)?.instances ?? 0;
    this.#current = config;
    this.#options.log.info('scaled', { service, from: was, to: group.instances, file: group.configured, by });
    this.#options.scale.forget(config, this.#options.log);
    if (was !== group.instances) this.#options.apply(config, next.masks);
    const only = (one: Config, other: Config) => [...one.services.keys()].filter((name) => !other.services.has(name));
    return {
      ok: true,
      group: { name: service, instances: group.instances, configured: group.configured },
      before: was,
      added: only(config, before),
      removed: only(before, config),
    };
  }

  #refuse(problems: readonly Problem[], isDryRun: boolean, by: string): ReloadResult {
    if (!isDryRun) {
      this.isLastReloadGood = false;
      this.refusal = { at: this.#options.clock.now(), problems };
      this.reloads.refused += 1;
      this.#options.log.error('configuration refused; the old one stays in force', { by, problems: problems.length });
      for (const problem of problems) this.#options.log.error('configuration', { problem: oneLine(problem) });
    }
    const message = 'the configuration has problems; the old one stays in force';
    return { ok: false, code: 'bad_configuration', message, problems };
  }

  #warnOfLater(changes: readonly DaemonChange[]): void {
    for (const { key } of changes.filter(({ when }) => when === 'next_opsd')) {
      this.#options.log.warn('this change takes effect with the next opsd: opsd ctl handover', {
        key: `daemon.${key}`,
      });
    }
  }
}

/** The problem of files that have no service any more: seldom meant, and it would stop all of them. null: they have some. */
export function lossOf(before: Config, { config, files }: ReadResult & { readonly ok: true }): Problem | null {
  if (before.services.size === 0 || config.services.size > 0) return null;
  const message = `the configuration lost all its services (${before.services.size}); if that is meant: opsd ctl reload --allow-empty`;
  return { where: files[0] ?? 'config', line: null, key: 'services', message };
}
