// What the configuration says of the daemon and of each service, once it is valid: the words the core and os/ share.

import type { StateName } from './states.ts';

/** A span or an instant on the monotonic clock (CLOCK_MONOTONIC, since boot), in milliseconds. */
export type Millis = number;

/** `SIGTERM`, `SIGHUP`, ... as signal(7) names them. */
export type SignalName = `SIG${string}`;

export interface Backoff {
  readonly initial: Millis;
  readonly factor: number;
  readonly max: Millis;
  /** Share of the delay that is random, 0 to 1: 0.1 spreads it over 90 % to 110 %. */
  readonly jitter: number;
}

export type LogMode = 'capture' | 'direct' | 'syslog' | 'journal' | 'inherit' | 'none';
export type RestartPolicy = 'always' | 'on-failure' | 'never';

/** What a process is born with. A change of any of it takes a new process. */
export interface Launch {
  readonly command: readonly [string, ...string[]];
  /** Absolute. */
  readonly cwd: string;
  /** Name or number; null: as the daemon. */
  readonly user: string | null;
  readonly group: string | null;
  /** null: 022. */
  readonly umask: number | null;
  readonly nice: number;
  readonly oomScoreAdj: number;
  /** `env_file`, then `pass_env`, then `env`; PATH, HOME and the like and the marker are added at the spawn. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute; null: the service has no heartbeat. Given to it as OPSD_HEARTBEAT_FILE either way by convention. */
  readonly heartbeatFile: string;
  readonly log: LogMode;
  readonly limits: Limits;
  /** ioprio_set(2); null: as the daemon. */
  readonly ionice: IoPriority | null;
  /** prctl(2), PR_SET_NO_NEW_PRIVS: no set-user-ID program gives it more than it has. */
  readonly noNewPrivileges: boolean;
  /** All it has, and all it can ever get: `CAP_NET_BIND_SERVICE`, … (capabilities(7)); null: as its user has them. */
  readonly capabilities: readonly string[] | null;
  /** Names of the listening sockets that it inherits from opsd (sd_listen_fds(3)), in that order from descriptor 3 on. */
  readonly sockets: readonly string[];
  /** Executed in front of the command, which it executes in turn (`bwrap …`); empty: none. */
  readonly wrapper: readonly string[];
}

/** What a service may use at most. null: not said. */
export interface Limits {
  /** RLIMIT_NOFILE, soft and hard. */
  readonly nofile: number | null;
  /** RLIMIT_CORE in bytes, soft and hard. */
  readonly core: number | 'unlimited' | null;
  /** Bytes, of the whole tree: memory.max of its cgroup; without one its PSS is watched. */
  readonly memory: number | null;
  /** Bytes: memory.high, where it is slowed down. Cgroup only, as are the rest. */
  readonly memoryHigh: number | null;
  /** Of one CPU: 1.5 is "150%" (cpu.max). */
  readonly cpu: number | null;
  /** Processes and threads (pids.max). */
  readonly tasks: number | null;
  /** 1 to 10000; 100 is usual (io.weight). */
  readonly ioWeight: number | null;
}

export interface IoPriority {
  readonly class: 'realtime' | 'best-effort' | 'idle';
  /** 0 (first) to 7; null for `idle`, which has none. */
  readonly level: number | null;
}

/** A command beside the service itself, run with the same user, environment and cwd. */
export interface Hook {
  readonly command: readonly [string, ...string[]];
  /** Not ended after that: it is killed, and has failed. */
  readonly timeout: Millis;
}

/** How a service is supervised. All of it can change while a process runs. */
export interface Policy {
  readonly enabled: boolean;
  readonly restart: RestartPolicy;
  readonly backoff: Backoff;
  readonly stableAfter: Millis;
  /** More failures in a row than this: the service is `failed`. */
  readonly maxFailures: number;
  /** 0: never. */
  readonly retryFailed: Millis;
  readonly fatalExitCodes: readonly number[];
  readonly successExitCodes: readonly number[];
  readonly stopSignal: SignalName;
  readonly stopTimeout: Millis;
  /** `grace`: how long after the start the first beat may take. */
  readonly heartbeat: { readonly timeout: Millis; readonly grace: Millis } | null;
  readonly dependsOn: readonly Dependency[];
  /** Names of services that start before this one and stop after it, if they start or stop at all. */
  readonly after: readonly string[];
  readonly ready: Readiness | null;
  readonly health: Health | null;
  /** What to do with it when something it depends on was started anew. */
  readonly onDependencyRestart: 'restart' | 'keep';
  /** It ends by itself, and is to: a generation may take `timeout` (null: as long as it likes). */
  readonly timeout: Millis | null;
  /** Started by the clock, not at boot. */
  readonly schedule: Schedule | null;
  /** `shutdown`: when it has failed for good, opsd ends with its exit code. */
  readonly onFailed: 'keep' | 'shutdown';
  /** Before each start; when it fails, the start has failed. */
  readonly beforeStart: Hook | null;
  /** When all of a generation is gone, however it ended. */
  readonly afterStop: Hook | null;
  /** `+edge` in a command means all services with the tag `edge`. */
  readonly tags: readonly string[];
  readonly timestamps: boolean;
}

export interface Dependency {
  readonly service: string;
  /** `ready`: is running; `started`: was spawned; `completed`: ended with success. */
  readonly until: 'ready' | 'started' | 'completed';
}

/** A question to a service, answered by yes or no. */
export type Probe =
  /** `status` null: any from 200 to 399. */
  | { readonly kind: 'http'; readonly url: string; readonly status: number | null }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'exec'; readonly command: readonly [string, ...string[]] };

/** What must happen before `starting` becomes `running`. null: nothing, a spawned service is ready. */
export interface Readiness {
  /** `fd`: a newline on the descriptor OPSD_NOTIFY_FD (s6's protocol). `log`: a line that matches. */
  readonly on: 'heartbeat' | 'delay' | 'fd' | 'log' | 'http' | 'tcp' | 'exec';
  readonly timeout: Millis;
  /** For `delay`: how long it has to stay up. */
  readonly delay: Millis;
  /** For `http`, `tcp` and `exec`; asked every `interval` until it says yes. */
  readonly probe: Probe | null;
  readonly interval: Millis;
  /** For `log`: a regular expression. */
  readonly pattern: string | null;
}

/** Asked again and again while a service runs. */
export interface Health {
  readonly probe: Probe;
  /** Between an answer and the next question, spread by ± 10 %. */
  readonly interval: Millis;
  /** No answer after that long is a no. */
  readonly timeout: Millis;
  /** That many noes in a row: it is not healthy; that many yeses: it is again. */
  readonly failures: number;
  readonly successes: number;
  readonly onFailure: 'restart' | 'mark';
}

/** When a job runs. The times are reckoned outside of the core, which knows no calendar. */
export interface Schedule {
  /** crontab(5), with seconds where there are six fields. */
  readonly cron: string;
  /** IANA name; null: the host's. */
  readonly timezone: string | null;
  /** When its time comes while it still runs. */
  readonly overlap: 'skip' | 'queue' | 'kill';
  /** Up to that much later. */
  readonly randomDelay: Millis;
  /** Runs once at the start of opsd when a time was missed while none was there. */
  readonly catchUp: boolean;
}

/** One effective value as `config --explain` and the reload plan print it. */
export interface EffectiveValue {
  /** As JSON; `"[redacted]"` in the place of what is secret. */
  readonly value: string;
  /** It is, or a part of it. */
  readonly secret: boolean;
  /** With what is secret in it, to be compared and hashed only. Behind a function, so that nothing prints it by chance. */
  readonly whole?: () => string;
  /** `config.toml:12`, `OPSD__DAEMON__HTTP`, `default`. */
  readonly source: string;
}

export interface ServiceSpec {
  /** `web`; of instances `web@1`, `web@2`, … */
  readonly name: string;
  /** The `web` of `web@1`; null: it has no instances. */
  readonly group: string | null;
  /** The 1 of `web@1`. */
  readonly instance: number | null;
  readonly launch: Launch;
  readonly policy: Policy;
  /** Key path relative to the service (`stop_timeout`, `env.PORT`) to value: what a reload compares. */
  readonly effective: ReadonlyMap<string, EffectiveValue>;
}

/** A state that a service comes to; `recovered`: running for `stable_after` again, after failed or backoff. */
export type Occasion = StateName | 'recovered';

/** Whom changes of state are told to. */
export interface EventHook {
  readonly name: string;
  readonly when: readonly Occasion[];
  /** Names and globs. */
  readonly services: readonly string[];
  readonly target:
    | { readonly kind: 'exec'; readonly command: readonly [string, ...string[]] }
    | { readonly kind: 'webhook'; readonly url: string; readonly headers: Readonly<Record<string, string>> };
  /** For one attempt. */
  readonly timeout: Millis;
}

/** Where the certificate of the TCP listener is; all paths absolute. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Who signs the certificates of clients that are let in; null: clients need none. */
  readonly clientCa: string | null;
}

export interface DaemonSpec {
  /** `127.0.0.1:9640`; empty: no TCP. */
  readonly http: string;
  /** null: what is asked and answered over TCP is not encrypted. */
  readonly tls: TlsFiles | null;
  /** null: nobody needs one. */
  readonly httpToken: string | null;
  readonly logLevel: string;
  /** Absolute. */
  readonly logDir: string;
  readonly logFormat: 'text' | 'json';
  readonly watchConfig: boolean;
  readonly startConcurrency: number;
  readonly shutdownTimeout: Millis;
  readonly socketMode: number;
  readonly socketGroup: string | null;
  readonly pageLogs: boolean;
  readonly onEvent: readonly EventHook[];
  /** `all-exited`: opsd ends when no service is up or is to be. */
  readonly exitWhen: 'never' | 'all-exited';
}

/** A service with `instances`: how many there are to be. */
export interface InstanceGroup {
  /** What the files say. */
  readonly configured: number;
  /** What is: another number when an operator scaled it. */
  readonly instances: number;
}

/** How the members of a group are replaced one after the other. */
export interface RolloutPolicy {
  /** So many of those that are to be up may be down at a time. */
  readonly maxUnavailable: number;
  /** So many more than there are to be, for as long as it takes. */
  readonly maxSurge: number;
  /** `rollback`: what was changed goes back to what it was. */
  readonly onFailure: 'stop' | 'rollback';
}

/** Services of which a change takes one after the other: the instances of one, or one that has `rollout`. */
export interface RolloutGroup {
  /** Names, in order. */
  readonly members: readonly string[];
  readonly policy: RolloutPolicy;
  /** Who runs beside the members while they are replaced, `maxSurge` of them. */
  readonly surgeSpecs: readonly ServiceSpec[];
}

export interface Config {
  readonly daemon: DaemonSpec;
  /** In the order of the file; of a service with instances each of them. */
  readonly services: ReadonlyMap<string, ServiceSpec>;
  /** The services with instances, by the name they have in the file. */
  readonly groups: ReadonlyMap<string, InstanceGroup>;
  /** What a change takes step by step, by the name it has in the file. */
  readonly rollouts: ReadonlyMap<string, RolloutGroup>;
  /** Of `[daemon]`, key path to value. */
  readonly effective: ReadonlyMap<string, EffectiveValue>;
}
