// Checks of dependencies: unknown names, circles, waits that cannot end.

import type { ServiceSpec } from '../../core/model/spec.ts';
import { didYouMean } from '../../text/nearest.ts';
import type { Findings, Place } from '../report/problems.ts';
import { REDACTED } from '../report/redaction.ts';

/** The place of a key of a service, which is named as in the file (`web`, not `web@1`). */
export type LocateService = (service: string, path: readonly string[]) => Place;

/** `names`: all services, invalid ones too; null: a file could not be read, so that not all are known. */
export function checkDependencies(
  services: ReadonlyMap<string, ServiceSpec>,
  names: ReadonlySet<string> | null,
  locate: LocateService,
  findings: Findings,
): void {
  for (const { name, group, policy } of services.values()) {
    const written = group ?? name;
    const check = (key: 'depends_on' | 'after', other: string) => {
      const isItself = groupedName(services, other) === written;
      if (!isItself && (names === null || names.has(other))) return;
      const place = locate(written, [key]);
      const guess = didYouMean(other, names ?? []) || 'define it, or remove the name';
      if (isItself) findings.problem(place, 'a service cannot wait for itself; remove its own name');
      else findings.problem(place, place.isSecret ? `no service ${REDACTED}` : `no service "${other}"; ${guess}`);
    };
    for (const { service } of policy.dependsOn) check('depends_on', service);
    for (const service of policy.after) check('after', service);
    warnOfEndlessWaits(name, services, locate, findings);
  }
  for (const circle of circles(services)) {
    const [first = ''] = circle;
    const key = services.get(first)?.policy.dependsOn.some(({ service }) => service === circle[1])
      ? 'depends_on'
      : 'after';
    // Named as in the file, so that a circle of many instances is reported once.
    const path = [...circle, first].map((name) => groupedName(services, name)).join(' -> ');
    const place = locate(groupedName(services, first), [key]);
    const shownPath = place.isSecret ? REDACTED : path;
    findings.problem(place, `a circle in which each waits for the next: ${shownPath}; remove one of these`);
  }
}

function warnOfEndlessWaits(
  name: string,
  services: ReadonlyMap<string, ServiceSpec>,
  locate: LocateService,
  findings: Findings,
): void {
  const policy = services.get(name)?.policy;
  for (const { service, until } of policy?.dependsOn ?? []) {
    const other = services.get(service)?.policy;
    if (other === undefined) continue;
    const warn = (message: string) => findings.warning(locate(groupedName(services, name), ['depends_on']), message);
    if (until === 'completed' && other.restart === 'always') {
      warn(`"${service}" never completes: its restart is "always"; make it "on-failure" or "never"`);
    }
    if (policy?.enabled === true && !other.enabled) {
      warn(`"${service}" is not enabled: "${name}" waits until somebody starts it`);
    }
  }
}

/** `web` for `web@3`. */
function groupedName(services: ReadonlyMap<string, ServiceSpec>, name: string): string {
  return services.get(name)?.group ?? name;
}

/** Each circle once, as a list of names. Not recursive, since chains of dependencies may be long. */
function circles(services: ReadonlyMap<string, ServiceSpec>): readonly (readonly string[])[] {
  const found: (readonly string[])[] = [];
  const finished = new Set<string>();
  for (const start of services.keys()) {
    if (finished.has(start)) continue;
    const path: string[] = [start];
    const onPath = new Set(path);
    const waiting: string[][] = [neighbours(services, start)];
    for (let ahead = waiting.at(-1); ahead !== undefined; ahead = waiting.at(-1)) {
      const next = ahead.pop();
      if (next === undefined) {
        waiting.pop();
        const done = path.pop();
        if (done !== undefined) {
          onPath.delete(done);
          finished.add(done);
        }
      } else if (onPath.has(next)) {
        const circle = path.slice(path.indexOf(next));
        if (circle.length > 1) found.push(circle);
      } else if (!finished.has(next)) {
        path.push(next);
        onPath.add(next);
        waiting.push(neighbours(services, next));
      }
    }
  }
  return found;
}

function neighbours(services: ReadonlyMap<string, ServiceSpec>, name: string): string[] {
  const policy = services.get(name)?.policy;
  if (policy === undefined) return [];
  const all = [...policy.dependsOn.map(({ service }) => service), ...policy.after];
  const own = services.get(name)?.group ?? null;
  // A service that waits for itself was reported before.
  return own === null ? all : all.filter((other) => groupedName(services, other) !== own);
}
