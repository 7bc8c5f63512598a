// The configuration that opsd starts with: that of the files, or, where they are broken and services need a supervisor,
// the one last in force.

import { headlineOf, refusalOf } from '../config/report/problems.ts';
import type { Config } from '../core/model/config.ts';
import { ConfigError, type Problem } from '../errors.ts';
import { type ConfigOptions, type ReadResult, readConfig } from '../os/config/files.ts';
import { keptConfigPath } from '../os/files/kept-config.ts';
import type { Layout } from '../os/files/run-dir.ts';
import { scalePath } from '../os/files/scale-file.ts';
import { discoverProcesses } from '../os/processes/process-discovery.ts';
import { accountOf } from '../os/spawn/accounts.ts';
import { startOfUnit } from '../os/systemd/own-unit.ts';
import type { Clock } from '../runtime/clock.ts';
import { LastInForce } from './configuration/last-in-force.ts';
import { Scale } from './configuration/scale.ts';
import { SecretsInForce } from './configuration/secrets-in-force.ts';

type Good = ReadResult & { readonly ok: true };
type Refused = ReadResult & { readonly ok: false };

export interface FirstConfiguration {
  readonly first: Good;
  /** Problems of the files, where `first` is the configuration last in force; null: it is that of the files. */
  readonly refused: readonly Problem[] | null;
  readonly read: (allowEmpty: boolean) => ReadResult;
  readonly scale: Scale;
  readonly lastInForce: LastInForce;
  readonly secrets: SecretsInForce;
}

/** Throws ConfigError when the files are broken, and nothing asks for more than to say so. `isStrict`: always. */
export function readFirst(
  options: Omit<ConfigOptions, 'allowEmpty' | 'scale'>,
  { data, run }: Pick<Layout, 'data' | 'run'>,
  isStrict: boolean,
): FirstConfiguration {
  const { clock, configFile, prefix } = options;
  const scale = new Scale(scalePath(prefix));
  const read = (allowEmpty: boolean) => readConfig({ ...options, allowEmpty, scale: scale.counts });
  const lastInForce = new LastInForce(keptConfigPath(data));
  const found = scale.first(() => read(true));
  const ofHost = found.ok ? refusalOf(found, isStrict) : [];
  if (ofHost.length > 0) throw new ConfigError(headlineOf(configFile, ofHost), ofHost);
  const { first, refused } = found.ok ? { first: found, refused: null } : goOnWithout(found);
  return { first, refused, read, scale, lastInForce, secrets: new SecretsInForce(first.masks, clock) };

  function goOnWithout(broken: Refused): { readonly first: Good; readonly refused: readonly Problem[] } {
    const problems = refusalOf(broken, isStrict);
    const headline = headlineOf(configFile, problems);
    if (isStrict) throw new ConfigError(headline, problems);
    const kept = lastInForce.read({ ...options, allowEmpty: true, scale: scale.counts });
    if (!kept.ok) throw new ConfigError(headline, problems);
    const start = startOfUnit();
    if (start !== 'automatic') {
      const services = survivorsOf(run, kept.result.config, clock);
      if (services === 0) throw new ConfigError(headline, problems);
      // A person who restarts the unit is told by its failure. systemd starts opsd again, and services are supervised.
      if (start === 'asked') {
        const next = `${services === 1 ? 'a service runs' : `${services} services run`} on, and opsd is started again with the configuration last in force`;
        throw new ConfigError(`${headline}; ${next}`, problems, 2);
      }
    }
    // What is watched are the files as they are now: their correction is to be seen.
    return { first: { ...kept.result, files: broken.files }, refused: problems };
  }
}

/** How many services of an earlier opsd live. */
function survivorsOf(runDir: string, { services }: Config, clock: Clock): number {
  const uids = [...services.values()].flatMap(({ launch: { user } }) =>
    user === null ? [] : (accountOf(user, clock.now())?.uid ?? []),
  );
  const uidOf = (name: string) => {
    const user = services.get(name)?.launch.user ?? null;
    return user === null ? null : (accountOf(user, clock.now())?.uid ?? null);
  };
  const taken = discoverProcesses(runDir, { clock, hints: [], uidOf, users: new Set(uids), populated: [] });
  return new Set(taken?.found.map(({ service }) => service)).size;
}
