// Warns of services that would listen at one port, or ask one address whether they are well.

import type { Probe, ServiceSpec } from '../../core/model/spec.ts';
import { listed } from '../report/listed.ts';
import type { Findings } from '../report/problems.ts';
import { portOf } from '../values/endpoint.ts';
import type { LocateService } from './dependencies.ts';

export function checkPorts(
  services: ReadonlyMap<string, ServiceSpec>,
  locate: LocateService,
  findings: Findings,
): void {
  const enabled = [...services.values()].filter(({ policy }) => policy.enabled && policy.schedule === null);
  // A service that is given its socket need not listen by itself, nor one with an address of its own.
  const listening = enabled.filter(
    ({ launch }) => launch.sockets.length === 0 && portOf(launch.env.PORT ?? '') !== null,
  );
  for (const sharers of Map.groupBy(listening, ({ launch: { env } }) => `${env.HOST ?? ''} ${env.PORT}`).values()) {
    const template = `\${8080 + instance}`;
    tell(sharers, ['env', 'PORT'], 'can listen at this port', `PORT = "${template}"`, locate, findings);
  }
  const asked = Map.groupBy(enabled.flatMap(questionsTo), ({ address }) => address);
  for (const questions of asked.values()) {
    const sharers = [...new Set(questions.map(({ spec }) => spec))];
    const [port, ...others] = new Set(sharers.map(({ launch }) => launch.env.PORT ?? ''));
    // The port that they share is told already.
    if (port !== '' && others.length === 0) continue;
    const path = questions.at(-1)?.path ?? [];
    tell(sharers, path, 'answers at this address', `its port with \${instance} in it`, locate, findings);
  }
}

interface PortQuestion {
  readonly spec: ServiceSpec;
  readonly path: readonly string[];
  readonly address: string;
}

function questionsTo(spec: ServiceSpec): readonly PortQuestion[] {
  const { ready, health } = spec.policy;
  const found: PortQuestion[] = [];
  const add = (probe: Probe | null, path: readonly string[]) => {
    const address = probe === null ? null : addressOf(probe);
    if (address !== null) found.push({ spec, path, address });
  };
  add(ready?.probe ?? null, ['ready', ready?.probe?.kind === 'tcp' ? 'address' : 'url']);
  add(health?.probe ?? null, ['health', health?.probe.kind ?? 'http']);
  return found;
}

function tell(
  sharers: readonly ServiceSpec[],
  path: readonly string[],
  does: string,
  template: string,
  locate: LocateService,
  findings: Findings,
): void {
  const last = sharers.at(-1);
  if (last === undefined || sharers.length < 2) return;
  const names = [...new Set(sharers.map(({ name, group }) => group ?? name))];
  const place = locate(last.group ?? last.name, path);
  const message =
    names.length === 1
      ? `only one of the ${sharers.length} instances ${does}; write ${template}`
      : `only one of ${listed(names)} ${does}; give each its own`;
  findings.warning(place, message);
}

/** Host and port; null: a command is asked. */
function addressOf(probe: Probe): string | null {
  if (probe.kind === 'exec') return null;
  if (probe.kind === 'tcp') return `${hostOf(probe.host)}:${probe.port}`;
  const url = URL.parse(probe.url);
  if (url === null) return null;
  return `${hostOf(url.hostname)}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`;
}

function hostOf(host: string): string {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(name) ? 'localhost' : name;
}
