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
import { lossOf } from './configuration/configuration.ts';
import { LastInForce } from './configuration/last-in-force.ts';
import { Scale } from './configuration/scale.ts';
import { SecretsInForce } from './configuration/secrets-in-force.ts';
import { isGuarded, isOpen } from './watch/tcp-access.ts';

type Good = ReadResult & { readonly ok: true };

export interface FirstConfiguration {
  readonly first: Good;
  /** Problems of the files, where `first` is the configuration last in force; null: it is that of the files. */
  readonly refused: readonly Problem[] | null;
  /** Whoever reaches the listener may use it, and the configuration last in force asked for a token or certificate. */
  readonly isLaidOpen: boolean;
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
  const lastInForce = new LastInForce(keptConfigPath(data));
  const whySecrets = () => lastInForce.whySecrets();
  const read = (allowEmpty: boolean) => readConfig({ ...options, allowEmpty, scale: scale.counts, whySecrets });
  const found = scale.first(() => read(true));
  const isPlain = found.ok && found.config.services.size > 0 && refusalOf(found, isStrict).length === 0;
  const kept = isPlain ? null : lastInForce.read({ ...options, scale: scale.counts });
  const survivors = kept?.ok ? survivorsOf(run, kept.result.config, clock) : 0;
  const problems = problemsOf(found, isStrict, survivors > 0 && kept?.ok ? kept.result.config : null);
  const good = found.ok && problems.length === 0 ? found : goOnWith(kept);
  const refused = good === found ? null : problems;
  // What is watched are the files as they are now: their correction is to be seen.
  const first = { ...good, files: found.files };
  const isLaidOpen =
    isOpen(first.config.daemon) && wasGuarded(kept ?? lastInForce.read({ ...options, scale: scale.counts }));
  return { first, refused, isLaidOpen, read, scale, lastInForce, secrets: new SecretsInForce(first.masks, clock) };

  function goOnWith(last: ReturnType<LastInForce['read']> | null): Good {
    const headline = headlineOf(configFile, problems);
    const start = startOfUnit();
    if (isStrict || !last?.ok || (survivors === 0 && start !== 'automatic')) throw new ConfigError(headline, problems);
    if (start !== 'asked') return last.result;
    // A person who restarts the unit is told by its failure. systemd starts opsd again, and services are supervised.
    const whom = survivors === 1 ? 'a service runs' : `${survivors} services run`;
    const next = `${whom} on, and opsd is started again with the configuration last in force`;
    throw new ConfigError(`${headline}; ${next}`, problems, 2);
  }
}

/** `last`: what was in force when services that live now were started; null: none lives. */
function problemsOf(found: ReadResult, isStrict: boolean, last: Config | null): readonly Problem[] {
  const refused = refusalOf(found, isStrict);
  const loss = found.ok && last !== null ? lossOf(last, found) : null;
  return loss === null ? refused : [...refused, loss];
}

function wasGuarded(last: ReturnType<LastInForce['read']>): boolean {
  return last.ok && isGuarded(last.result.config.daemon);
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
