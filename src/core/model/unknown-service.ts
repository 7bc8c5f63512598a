// Specs for services that an earlier opsd started from a configuration that is not known: enough to stop them.

import type { EffectiveValue, Policy, ServiceSpec } from './spec.ts';

/** The spec of a service that is not configured, but has a survivor. */
export function unknownService(name: string): ServiceSpec {
  const policy: Policy = {
    enabled: false,
    restart: 'never',
    backoff: { initial: 100, factor: 2, max: 1_600, jitter: 0 },
    stableAfter: 10_000,
    maxFailures: 0,
    maxFailuresIn: 0,
    retryFailed: 0,
    fatalExitCodes: [],
    successExitCodes: [0],
    stopSignal: 'SIGTERM',
    stopTimeout: 30_000,
    heartbeat: null,
    dependsOn: [],
    after: [],
    ready: null,
    health: null,
    onDependencyRestart: 'keep',
    timeout: null,
    schedule: null,
    onFailed: 'keep',
    beforeStart: null,
    afterStop: null,
    tags: [],
    timestamps: false,
  };
  return {
    name,
    group: null,
    instance: null,
    launch: {
      command: ['false'],
      cwd: '/',
      user: null,
      group: null,
      umask: null,
      nice: 0,
      oomScoreAdj: 0,
      env: {},
      heartbeatFile: '',
      log: 'none',
      limits: {
        nofile: null,
        core: null,
        memory: null,
        memoryHigh: null,
        cpu: null,
        tasks: null,
        ioWeight: null,
      },
      ionice: null,
      noNewPrivileges: false,
      capabilities: null,
      sockets: [],
      wrapper: [],
    },
    policy,
    effective: new Map(),
  };
}

const UNKNOWN: EffectiveValue = {
  value: 'unknown',
  secret: false,
  source: 'the configuration of an earlier opsd',
  inForce: 'anew',
};

/** The spec of a survivor that was started from an older configuration, which is not known: it compares unequal to every other. */
export function withUnknownSpec(spec: ServiceSpec): ServiceSpec {
  return { ...spec, effective: new Map([['command', UNKNOWN]]) };
}
