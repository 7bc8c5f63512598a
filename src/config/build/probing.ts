// Builds readiness and health from the keys `ready` and `health`.

import type { Health, Probe, Readiness } from '../../core/model/spec.ts';
import type { Locate } from '../report/locate.ts';
import type { Findings } from '../report/problems.ts';
import type { ServiceValues } from '../schema/schema.ts';
import { liveUrl, portOf } from '../values/endpoint.ts';

/** A service as its policy is built from it. */
export interface ServiceInput {
  readonly values: ServiceValues;
  readonly env: Readonly<Record<string, string>>;
  /** False: a file that `env` comes from could not be read, so that PORT may be in it. */
  readonly isEnvKnown: boolean;
  readonly locate: Locate;
  /** Whether the service itself has this key: one from [defaults] may be meant for other services. */
  isOwn(path: readonly string[]): boolean;
  /** Whether the key is written at all: an invalid value is reported, and missing from `values`. */
  isWritten(path: readonly string[]): boolean;
  readonly findings: Findings;
}

type On = Readiness['on'];

/** Keys of `ready` that belong to some values of `on` only. */
const KEYS_OF_KINDS: Readonly<Record<string, readonly On[]>> = {
  delay: ['delay'],
  url: ['http'],
  status: ['http'],
  address: ['tcp'],
  command: ['exec'],
  pattern: ['log'],
  interval: ['http', 'tcp', 'exec'],
};

export function readinessOf(asked: ServiceInput): Readiness | null {
  const { ready } = asked.values;
  if (ready === undefined) return null;
  const { on, timeout, delay, interval } = ready;
  for (const [key, kinds] of Object.entries(KEYS_OF_KINDS)) {
    if (kinds.includes(on) || !asked.isOwn(['ready', key])) continue;
    const meant = kinds.map((kind) => `"${kind}"`).join(', ');
    asked.findings.warning(asked.locate(['ready', key]), `has a meaning for on = ${meant} only; remove it`);
  }
  if (on === 'log' && ready.pattern === undefined) {
    missing('pattern', 'a regular expression such as "listening on port"', asked);
  }
  const pattern = on === 'log' ? (ready.pattern ?? null) : null;
  return { on, timeout, delay, probe: readinessProbe(asked), interval, pattern };
}

function readinessProbe(asked: ServiceInput): Probe | null {
  const { ready } = asked.values;
  const ownPort = portOf(asked.env.PORT ?? '');
  switch (ready?.on) {
    case 'http': {
      const url = ready.url ?? (ownPort === null ? null : liveUrl(ownPort));
      if (url === null) return withoutPort('url', 'a URL or a port (or PORT in env)', asked);
      return httpProbe(url, ready.status, ['ready', 'url'], asked);
    }
    case 'tcp': {
      const address = ready.address ?? (ownPort === null ? null : { host: '127.0.0.1', port: ownPort });
      if (address === null) {
        return withoutPort('address', 'an address such as "127.0.0.1:5432" (or PORT in env)', asked);
      }
      return { kind: 'tcp', ...address };
    }
    case 'exec':
      if (ready.command === undefined) return missing('command', 'a command such as ["pg_isready"]', asked);
      return { kind: 'exec', command: ready.command };
    default:
      return null;
  }
}

const KINDS = ['http', 'tcp', 'exec'] as const;

function missing(key: string, expected: string, { isWritten, locate, findings }: ServiceInput): null {
  if (!isWritten(['ready', key])) findings.absence(locate(['ready', key]), `is missing; expected ${expected}`);
  return null;
}

function withoutPort(key: string, expected: string, asked: ServiceInput): null {
  return asked.isEnvKnown ? missing(key, expected, asked) : null;
}

export function healthOf(asked: ServiceInput): Health | null {
  const { health } = asked.values;
  if (health === undefined) return null;
  const kinds = KINDS.filter((kind) => health[kind] !== undefined);
  const [kind, other] = kinds;
  if (kind === undefined) {
    // [defaults] may set the interval and leave the probe to each service.
    const isWritten = KINDS.some((one) => asked.isWritten(['health', one]));
    if (asked.isOwn(['health']) && !isWritten) {
      asked.findings.absence(asked.locate(['health']), 'expected one of http, tcp and exec, which is the probe');
    }
    return null;
  }
  if (other !== undefined) {
    const message = `expected only one of http, tcp and exec, got ${kinds.join(' and ')}; remove all but one`;
    asked.findings.problem(asked.locate(['health']), message);
    return null;
  }
  if (health.status !== undefined && kind !== 'http' && asked.isOwn(['health', 'status'])) {
    asked.findings.warning(asked.locate(['health', 'status']), 'has a meaning for http only; remove it');
  }
  const probe = healthProbe(asked);
  if (probe === null) return null;
  const { interval, timeout, failures, successes, on_failure } = health;
  return { probe, interval, timeout, failures, successes, onFailure: on_failure };
}

function healthProbe(asked: ServiceInput): Probe | null {
  const { http, tcp, exec, status } = asked.values.health ?? {};
  if (http !== undefined) return httpProbe(http, status, ['health', 'http'], asked);
  if (tcp !== undefined) return { kind: 'tcp', ...tcp };
  return exec === undefined ? null : { kind: 'exec', command: exec };
}

/** A URL that is a path alone gets the port from PORT in env, which the service has, too. */
function httpProbe(
  url: string,
  status: number | undefined,
  path: readonly string[],
  asked: ServiceInput,
): Probe | null {
  const port = portOf(asked.env.PORT ?? '');
  if (!url.startsWith('/')) return { kind: 'http', url, status: status ?? null };
  if (port !== null) return { kind: 'http', url: liveUrl(port, url), status: status ?? null };
  if (!asked.isEnvKnown) return null;
  asked.findings.absence(asked.locate(path), 'has no port; write ":8080/path", or set PORT in env');
  return null;
}
