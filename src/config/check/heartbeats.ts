// Checks of heartbeat files: each service has one of its own, in a folder that is there.

import type { ServiceSpec } from '../../core/model/spec.ts';
import type { Findings } from '../report/problems.ts';
import { REDACTED } from '../report/redaction.ts';
import { resolvePath } from '../values/paths.ts';
import type { LocateService } from './dependencies.ts';
import type { Facts } from './host-facts.ts';

/** `workDir`: of opsd, which beats itself in there. */
export function checkHeartbeats(
  services: ReadonlyMap<string, ServiceSpec>,
  workDir: string,
  locate: LocateService,
  facts: Facts,
  findings: Findings,
): void {
  const beating = [...services.values()].filter(({ policy }) => policy.heartbeat !== null);
  const own = resolvePath(workDir, 'tmp/opsd.heartbeat');
  for (const spec of beating) {
    if (spec.launch.heartbeatFile === own) {
      const message =
        'is the heartbeat of opsd itself, so that the service would always seem well; choose another file';
      findings.problem(locate(writtenName(spec), ['heartbeat', 'file']), message);
    }
    warnOfMissingFolder(spec, resolvePath(workDir, 'tmp'), locate, facts, findings);
  }
  for (const sharers of Map.groupBy(beating, ({ launch }) => launch.heartbeatFile).values()) {
    const names = [...new Set(sharers.map(writtenName))];
    // Of instances that share one it is told where they are made.
    if (names.length < 2) continue;
    const place = locate(sharerToCorrect(sharers), ['heartbeat', 'file']);
    findings.problem(place, `${listed(names)} would share it, and one that hangs would seem well; give each its own`);
  }
}

/** Who says it in so many words; a default file is nobody's mistake. */
function sharerToCorrect(sharers: readonly ServiceSpec[]): string {
  const isWritten = ({ effective }: ServiceSpec) => effective.get('heartbeat.file')?.source !== 'default';
  const sharer = sharers.findLast(isWritten) ?? sharers.at(-1);
  return sharer === undefined ? '' : writtenName(sharer);
}

/** More names make no better message. */
const MOST_NAMED = 3;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMED).map((name) => `"${name}"`);
  const left = names.length - shown.length;
  const last = left > 0 ? `${left} more` : shown.pop();
  return `${shown.join(', ')} and ${last}`;
}

/** A warning: the service may make it. Its own `tmp` is made by opsd. */
function warnOfMissingFolder(
  spec: ServiceSpec,
  ownFolder: string,
  locate: LocateService,
  facts: Facts,
  findings: Findings,
): void {
  const { launch, policy } = spec;
  const written = writtenName(spec);
  const folder = launch.heartbeatFile.slice(0, launch.heartbeatFile.lastIndexOf('/')) || '/';
  // Without cwd there is more to say, and it is said there; before_start may make the folder.
  if (folder === ownFolder || policy.beforeStart !== null || facts.look(launch.cwd) !== 'directory') return;
  const look = facts.look(folder);
  if (look === 'directory' || look === 'closed') return;
  const place = locate(written, ['heartbeat', 'file']);
  const path = place.isSecret || locate(written, ['cwd']).isSecret ? REDACTED : folder;
  const owner = launch.user === null || locate(written, ['user']).isSecret ? '' : ` && chown ${launch.user} ${path}`;
  const message =
    look === 'missing'
      ? `does not exist: no beat unless the service makes it; mkdir -p ${path}${owner}`
      : 'is not a directory: there can be no beat in it; move it away';
  findings.warning(place, `${path} ${message}`);
}

/** In the file. */
function writtenName({ name, group }: ServiceSpec): string {
  return group ?? name;
}
