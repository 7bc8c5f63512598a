// Configurations for tests, made from what a test cares about.

import type { Config, DaemonSpec } from '../../src/core/model/config.ts';
import type {
  EffectiveValue,
  InForce,
  Policy,
  Readiness,
  RolloutPolicy,
  ServiceSpec,
} from '../../src/core/model/spec.ts';
import { unknownService } from '../../src/core/model/unknown-service.ts';

/** What no test cares about. */
const { launch: anyLaunch, policy: anyPolicy } = unknownService('any');

/** The defaults that stories rely on. */
const usual: Policy = {
  ...anyPolicy,
  enabled: true,
  restart: 'always',
  backoff: { initial: 100, factor: 2, max: 1600, jitter: 0.1 },
  stableAfter: 10_000,
  maxFailures: 10,
  maxFailuresIn: 600_000,
  retryFailed: 300_000,
  fatalExitCodes: [78],
  successExitCodes: [0],
  stopSignal: 'SIGTERM',
  stopTimeout: 30_000,
};

const daemon: DaemonSpec = {
  http: null,
  tls: null,
  httpToken: null,
  logLevel: { text: 'info', level: 'info', components: new Map() },
  logDir: '/nowhere/log',
  logFormat: 'text',
  heartbeatFile: null,
  watchConfig: false,
  startConcurrency: 8,
  shutdownTimeout: 30_000,
  socketMode: 0o600,
  socketGroup: null,
  pageLogs: false,
  onEvent: [],
  exitWhen: 'never',
};

/** Readiness, with what does not matter filled in. */
export function readyOn(on: Readiness['on'], timeout: number, rest: Partial<Readiness> = {}): Readiness {
  return { on, timeout, delay: 0, probe: null, interval: 500, pattern: null, ...rest };
}

/** A service; a different `version` is a different command. */
export function aService(name: string, policy: Partial<Policy> = {}, version = 1): ServiceSpec {
  const whole: Policy = { ...usual, ...policy };
  const effective = new Map<string, EffectiveValue>([
    ['command', plain(version, 'anew')],
    ...Object.entries(whole).map(([key, value]): [string, EffectiveValue] => [key, plain(value, 'at_once')]),
  ]);
  return {
    name,
    group: null,
    instance: null,
    launch: {
      ...anyLaunch,
      command: ['/bin/sleep', String(version)],
      heartbeatFile: `/nowhere/${name}.heartbeat`,
    },
    policy: whole,
    effective,
  };
}

export function aConfig(services: readonly ServiceSpec[], changes: Partial<DaemonSpec> = {}): Config {
  return {
    daemon: { ...daemon, ...changes },
    services: new Map(services.map((spec) => [spec.name, spec])),
    groups: new Map(),
    rollouts: new Map(),
    effective: new Map(),
  };
}

/** One service with instances, and those that may stand in for them. */
/** Of a configuration: the command, which is another in another version. */
export function fingerprintOf({ launch }: ServiceSpec): string {
  return launch.command.join(' ');
}

export function aGroup(
  name: string,
  count: number,
  rollout: RolloutPolicy,
  policy: Partial<Policy> = {},
  version = 1,
  changes: Partial<DaemonSpec> = {},
): Config {
  const all = Array.from({ length: count + rollout.maxSurge }, (_, index): ServiceSpec => {
    const instance = index + 1;
    return { ...aService(`${name}@${instance}`, policy, version), group: name, instance };
  });
  const members = all.slice(0, count);
  return {
    ...aConfig(members, changes),
    groups: new Map([[name, { configured: count, instances: count }]]),
    rollouts: new Map([
      [name, { members: members.map((spec) => spec.name), policy: rollout, surgeSpecs: all.slice(count) }],
    ]),
  };
}

function plain(value: unknown, inForce: InForce): EffectiveValue {
  return { value: JSON.stringify(value), secret: false, source: 'test', inForce };
}
