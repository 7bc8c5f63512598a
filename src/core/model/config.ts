// The configuration, valid and complete: [daemon], and the specs of all services.

import type { EffectiveValue, InstanceGroup, Millis, RolloutGroup, ServiceSpec } from './spec.ts';
import type { StateName } from './states.ts';

/**
 * What event hooks can be told of: a service enters a state; `recovered`: it is stable again after failed or backoff;
 * `unhealthy`, `healthy`: its health probe has failed too often, and has succeeded again.
 */
export type Occasion = StateName | 'recovered' | 'unhealthy' | 'healthy';

/** A program or webhook that is told of transitions. */
export interface EventHook {
  readonly name: string;
  readonly when: readonly Occasion[];
  /** Names and globs. */
  readonly services: readonly string[];
  readonly target:
    | { readonly kind: 'exec'; readonly command: readonly [string, ...string[]] }
    | { readonly kind: 'webhook'; readonly url: string; readonly headers: Readonly<Record<string, string>> };
  /** For one delivery attempt. */
  readonly timeout: Millis;
}

/** Where the certificate of the TCP listener is; all paths absolute. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** The CA that must have signed the certificates of clients; null: clients need none. */
  readonly clientCa: string | null;
}

export interface ListenAddress {
  /** An IP address without brackets, or a name. */
  readonly host: string;
  readonly port: number;
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** How much opsd logs. */
export interface LogFilter {
  /** As it was written: `info,heartbeat=debug`. */
  readonly text: string;
  readonly level: LogLevel;
  /** Levels of components that differ. */
  readonly components: ReadonlyMap<string, LogLevel>;
}

export interface DaemonSpec {
  /** null: no TCP. */
  readonly http: ListenAddress | null;
  /** null: TCP is not encrypted. */
  readonly tls: TlsFiles | null;
  /** null: requests over TCP need no token. */
  readonly httpToken: string | null;
  readonly logLevel: LogFilter;
  /** Absolute. */
  readonly logDir: string;
  readonly logFormat: 'text' | 'json';
  /** Absolute: the file that opsd touches each second; null: none. */
  readonly heartbeatFile: string | null;
  readonly watchConfig: boolean;
  readonly startConcurrency: number;
  readonly shutdownTimeout: Millis;
  readonly socketMode: number;
  readonly socketGroup: string | null;
  readonly pageLogs: boolean;
  readonly onEvent: readonly EventHook[];
  /** `all-exited`: opsd ends when no service is up and none will come up by itself. */
  readonly exitWhen: 'never' | 'all-exited';
}

export interface Config {
  readonly daemon: DaemonSpec;
  /** By name, in the order of the file; each instance is one (`web@1`). */
  readonly services: ReadonlyMap<string, ServiceSpec>;
  /** The services with instances, by the name they have in the file. */
  readonly groups: ReadonlyMap<string, InstanceGroup>;
  /** What rollouts replace, by the name in the file. */
  readonly rollouts: ReadonlyMap<string, RolloutGroup>;
  /** The values of `[daemon]` by key path. */
  readonly effective: ReadonlyMap<string, EffectiveValue>;
}
