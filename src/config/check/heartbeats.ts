// Checks that each service has a heartbeat file of its own, in a folder that exists.

import type { ServiceSpec } from '../../core/model/spec.ts';
import { listed } from '../report/listed.ts';
import type { Findings } from '../report/problems.ts';
import { REDACTED } from '../report/redaction.ts';
import type { LocateService } from './dependencies.ts';
import type { Facts } from './host-facts.ts';

/** `own`: the heartbeat file of opsd itself, whose folder opsd makes; null: it has none. */
export function checkHeartbeats(
  services: ReadonlyMap<string, ServiceSpec>,
  own: string | null,
  locate: LocateService,
  facts: Facts,
  findings: Findings,
): void {
  const beating = [...services.values()].filter(({ policy }) => policy.heartbeat !== null);
  const ownFolder = own === null ? null : folderOf(own);
  for (const spec of beating) {
    if (spec.launch.heartbeatFile === own) {
      const message =
        'is the heartbeat of opsd itself, so that the service would always seem well; choose another file';
      findings.problem(locate(writtenName(spec), ['heartbeat', 'file']), message);
    }
    warnOfMissingFolder(spec, ownFolder, locate, facts, findings);
  }
  for (const sharers of Map.groupBy(beating, ({ launch }) => launch.heartbeatFile).values()) {
    const names = [...new Set(sharers.map(writtenName))];
    // Instances that share a file are reported where they are built.
    if (names.length < 2) continue;
    const place = locate(sharerToCorrect(sharers), ['heartbeat', 'file']);
    findings.problem(place, `${listed(names)} would share it, and one that hangs would seem well; give each its own`);
  }
}

/** The service whose heartbeat.file is to be corrected: one that is written rather than a default. */
function sharerToCorrect(sharers: readonly ServiceSpec[]): string {
  const isWritten = ({ effective }: ServiceSpec) => effective.get('heartbeat.file')?.source !== 'default';
  const sharer = sharers.findLast(isWritten) ?? sharers.at(-1);
  return sharer === undefined ? '' : writtenName(sharer);
}

/**
 * Only a warning: opsd makes a missing folder with the rights of the service, which may not be enough, and the service may
 * make it itself. `ownFolder`: opsd makes it for itself.
 */
function warnOfMissingFolder(
  spec: ServiceSpec,
  ownFolder: string | null,
  locate: LocateService,
  facts: Facts,
  findings: Findings,
): void {
  const { launch, policy } = spec;
  const written = writtenName(spec);
  const folder = folderOf(launch.heartbeatFile);
  // A missing cwd is reported by another check; before_start may make the folder.
  if (folder === ownFolder || policy.beforeStart !== null || facts.look(launch.cwd) !== 'directory') return;
  const look = facts.look(folder);
  if (look === 'directory' || look === 'closed' || (look === 'missing' && launch.user === null)) return;
  const place = locate(written, ['heartbeat', 'file']);
  const path = place.isSecret || locate(written, ['cwd']).isSecret ? REDACTED : folder;
  const owner = launch.user === null || locate(written, ['user']).isSecret ? '' : ` && chown ${launch.user} ${path}`;
  const message =
    look === 'missing'
      ? `does not exist: its user makes it at the start, if it may; else mkdir -p ${path}${owner}`
      : 'is not a directory: there can be no beat in it; move it away';
  findings.warning(place, `${path} ${message}`);
}

function folderOf(file: string): string {
  return file.slice(0, file.lastIndexOf('/')) || '/';
}

/** The name of the service in the file. */
function writtenName({ name, group }: ServiceSpec): string {
  return group ?? name;
}
