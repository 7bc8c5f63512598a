// What the configuration says of the daemon and of each service, once it is valid: the words the core and os/ share.

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
  /** As JSON. */
  readonly value: string;
  /** Never printed when true; still compared. */
  readonly secret: boolean;
  /** `config.toml:12`, `OPSD__DAEMON__HTTP`, `default`. */
  readonly source: string;
}

export interface ServiceSpec {
  readonly name: string;
  readonly launch: Launch;
  readonly policy: Policy;
  /** Key path relative to the service (`stop_timeout`, `env.PORT`) to value: what a reload compares. */
  readonly effective: ReadonlyMap<string, EffectiveValue>;
}

export interface DaemonSpec {
  /** `127.0.0.1:9640`; empty: no TCP. */
  readonly http: string;
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
  /** `all-exited`: opsd ends when no service is up or is to be. */
  readonly exitWhen: 'never' | 'all-exited';
}

export interface Config {
  readonly daemon: DaemonSpec;
  /** In the order of the file. */
  readonly services: ReadonlyMap<string, ServiceSpec>;
  /** Of `[daemon]`, key path to value. */
  readonly effective: ReadonlyMap<string, EffectiveValue>;
}
