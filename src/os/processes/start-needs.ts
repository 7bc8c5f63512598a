// What the start of a service depends on: the paths and accounts whose change can make it possible.

import { dirname, resolve } from 'node:path';
import { commandsOf } from '../../config/check/checks.ts';
import type { Millis, ServiceSpec } from '../../core/model/spec.ts';
import { accountOf, groupIdOf } from '../spawn/accounts.ts';
import type { LaunchPlanner } from '../spawn/launch-plan.ts';

export interface StartNeeds {
  readonly paths: ReadonlySet<string>;
  /** Users and groups that are not there, as getent(1) is asked for them: `passwd web`. */
  readonly accounts: readonly string[];
}

/** The commands of a service that are executed after its main process has started. */
export function laterCommands(spec: ServiceSpec): ReturnType<typeof commandsOf> {
  return commandsOf(spec).filter(([[key]]) => key !== 'command' && key !== 'wrapper' && key !== 'before_start');
}

/** Why the service could not be started now, and what that depends on. `now`: monotonic. */
export function inspectStart(
  planner: Pick<LaunchPlanner, 'whyNot'>,
  spec: ServiceSpec,
  now: Millis,
): { readonly why: string | null; readonly needs: StartNeeds } {
  const { launch, gap } = spec;
  const paths = new Set<string>();
  const others = commandsOf(spec).filter(([[key]]) => key !== 'command' && key !== 'wrapper');
  const failure = planner.whyNot(spec, others, (path) => paths.add(path));
  const [program] = launch.command;
  const named = [launch.cwd, ...(program.includes('/') ? [resolve(launch.cwd, program)] : [])];
  if (gap !== undefined) named.push(gap.path);
  for (const path of named) for (const folder of withFoldersAbove(path)) paths.add(folder);
  if (launch.user !== null || launch.group !== null) for (const path of ['/etc/passwd', '/etc/group']) paths.add(path);
  const accounts: string[] = [];
  if (launch.user !== null && accountOf(launch.user, now) === null) accounts.push(`passwd ${launch.user}`);
  if (launch.group !== null && groupIdOf(launch.group, now) === null) accounts.push(`group ${launch.group}`);
  // Whether the gap is closed shows only when the configuration is made anew.
  return { why: gap === undefined ? (failure?.message ?? null) : null, needs: { paths, accounts } };
}

function withFoldersAbove(path: string): readonly string[] {
  const above = dirname(path);
  return above === path ? [path] : [...withFoldersAbove(above), path];
}
