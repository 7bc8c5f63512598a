// The numbers of instances that operators set, which win over the configuration: changed, checked, saved, and logged.

import type { ScaleResult } from '../../api/reload.ts';
import { unknownService } from '../../api/select.ts';
import type { InstanceCounts } from '../../config/build/services.ts';
import { MOST_INSTANCES } from '../../config/schema/service-keys.ts';
import type { Config } from '../../core/model/config.ts';
import type { Problem } from '../../errors.ts';
import type { ReadResult } from '../../os/config/files.ts';
import { readScale, writeScale } from '../../os/files/scale-file.ts';
import type { Log } from '../../os/own-log/logger.ts';
import { groupOfInstance } from '../../text/instance-name.ts';

export class Scale {
  #counts: InstanceCounts;
  #troubles: readonly string[];
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    const { counts, troubles } = readScale(path);
    this.#counts = counts;
    this.#troubles = troubles;
  }

  get counts(): InstanceCounts {
    return this.#counts;
  }

  /** `instances` null: the number of the configuration. */
  with(service: string, instances: number | null): InstanceCounts {
    const counts = new Map(this.#counts);
    if (instances === null) counts.delete(service);
    else counts.set(service, instances);
    return counts;
  }

  /** Throws the system's error; nothing has changed then. */
  keep(counts: InstanceCounts): void {
    writeScale(this.#path, counts);
    this.#counts = counts;
  }

  /**
   * The first configuration: if it is invalid only with these numbers, those of the files are used and a warning is
   * logged, as services in another number are better than none. The scale file is kept for the next start.
   */
  first(read: () => ReadResult): ReadResult {
    const scaled = read();
    if (scaled.ok || this.#counts.size === 0) return scaled;
    const counts = this.#counts;
    this.#counts = new Map();
    const plain = read();
    if (!plain.ok) {
      this.#counts = counts;
      return scaled;
    }
    const [problem] = scaled.problems;
    const told = [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
    const why = `${problem?.key}: ${problem?.message}`;
    this.#troubles = [
      ...this.#troubles,
      `${this.#path} (${told}) does not fit the configuration, whose numbers of instances are used: ${why}`,
    ];
    return plain;
  }

  /** Problems to add to those of a configuration that is invalid only with these numbers. */
  blame(refused: ReadResult): readonly Problem[] {
    if (this.#counts.size === 0) return [];
    const plain = refused.rescaled(new Map());
    if (!plain.ok) return [];
    return [...this.#counts].flatMap(([name, count]) => {
      const configured = plain.config.groups.get(name)?.configured ?? count;
      if (configured === count) return [];
      const message = `its instances are ${count} by ctl scale, ${configured} in the file, with which it would be right; opsd ctl scale ${name} --reset`;
      return [{ where: this.#path, line: null, key: name, message }];
    });
  }

  /** A new configuration is in force: numbers equal to the file's are dropped, the others are logged. */
  settle(config: Config, log: Log): void {
    for (const trouble of this.#troubles) log.warn(trouble);
    this.#troubles = [];
    this.forget(config, log);
    for (const [service, instances] of this.#counts) {
      const file = config.groups.get(service)?.configured ?? null;
      log.info('scaled by ctl', { service, instances, file });
    }
  }

  /** Drops numbers that equal the file's, and those of services that have no instances any more. */
  forget({ groups }: Config, log: Log): void {
    const kept = new Map(this.#counts);
    for (const [service, instances] of this.#counts) {
      const configured = groups.get(service)?.configured;
      if (configured !== undefined && configured !== instances) continue;
      kept.delete(service);
      const why = configured === undefined ? 'it has no instances any more' : 'the file says the same';
      log.info('the scale of a service is forgotten', { service, instances, why });
    }
    if (kept.size === this.#counts.size) return;
    try {
      this.keep(kept);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn('cannot save the scale of services', { path: this.#path, why });
    }
  }
}

/** null: the configuration can be tried with the number. */
export function whyNotScaled(
  { groups, services }: Config,
  service: string,
  instances: number | null,
): (ScaleResult & { readonly ok: false }) | null {
  const refuse = (code: 'unknown_service' | 'bad_request', message: string) => ({ ok: false, code, message }) as const;
  if (!groups.has(service)) {
    const group = groupOfInstance(service);
    if (group !== null && groups.has(group)) {
      return refuse(
        'bad_request',
        `${service} is one instance; all of them are scaled: opsd ctl scale ${group} ${instances ?? '--reset'}`,
      );
    }
    if (services.has(service)) {
      const remedy = `add instances = 1 to services.${service} in the configuration, then opsd ctl reload`;
      return refuse('bad_request', `${service} has no instances to scale; ${remedy}`);
    }
    return refuse('unknown_service', unknownService(service, [...services.keys()]));
  }
  if (instances === null || (Number.isInteger(instances) && instances >= 1 && instances <= MOST_INSTANCES)) return null;
  const remedy = instances === 0 ? `; to have none, opsd ctl stop ${service}` : '';
  return refuse('bad_request', `expected a number of instances from 1 to ${MOST_INSTANCES}, got ${instances}${remedy}`);
}
