// The spec of a service, valid and complete: what the core and os/ work with.

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

/** The attributes a process is started with. A change of any of them takes a new process. */
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
  /** Absolute. The service gets it as OPSD_HEARTBEAT_FILE, also without `policy.heartbeat`; then opsd does not look at it. */
  readonly heartbeatFile: string;
  readonly log: LogMode;
  readonly limits: Limits;
  /** ioprio_set(2); null: as the daemon. */
  readonly ionice: IoPriority | null;
  /** prctl(2), PR_SET_NO_NEW_PRIVS: no set-user-ID program gives the process more rights. */
  readonly noNewPrivileges: boolean;
  /** The only capabilities(7) of the process, and its bounding set: `CAP_NET_BIND_SERVICE`, …; null: those of its user. */
  readonly capabilities: readonly string[] | null;
  /** Names of the listening sockets that the process inherits from opsd (sd_listen_fds(3)), in this order from descriptor 3 on. */
  readonly sockets: readonly string[];
  /** Executed in front of the command, which it executes in turn (`bwrap …`); empty: none. */
  readonly wrapper: readonly string[];
}

/** What a service may use at most. null: no limit of its own. */
export interface Limits {
  /** RLIMIT_NOFILE, soft and hard. */
  readonly nofile: number | null;
  /** RLIMIT_CORE in bytes, soft and hard. */
  readonly core: number | 'unlimited' | null;
  /** Bytes for the whole process tree: memory.max of its cgroup; without a cgroup opsd watches its PSS. */
  readonly memory: number | null;
  /** Bytes: memory.high, above which the kernel slows the tree down. Needs a cgroup, as do the limits below. */
  readonly memoryHigh: number | null;
  /** Share of one CPU: 1.5 is "150%" (cpu.max). */
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

/** A command before or after a run, with the user, environment and cwd of the service. */
export interface Hook {
  readonly command: readonly [string, ...string[]];
  /** A hook that runs longer is killed and has failed. */
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
  /** More failures than `maxFailures` in this span, however long the service was up between them: `failed`, too; 0: no span. */
  readonly maxFailuresIn: Millis;
  /** The longest pause of a `failed` service before its next start; 0: it is not started again. */
  readonly retryFailed: Millis;
  /** Exit codes, and signals by which it may be killed. */
  readonly fatalExitCodes: readonly (number | SignalName)[];
  readonly successExitCodes: readonly (number | SignalName)[];
  readonly stopSignal: SignalName;
  readonly stopTimeout: Millis;
  /** `grace`: how long after the start the first heartbeat may take. */
  readonly heartbeat: { readonly timeout: Millis; readonly grace: Millis } | null;
  readonly dependsOn: readonly Dependency[];
  /** Names of services that start before this one and stop after it, if they start or stop at all. */
  readonly after: readonly string[];
  readonly ready: Readiness | null;
  readonly health: Health | null;
  /** What happens to the service when a dependency was started again. */
  readonly onDependencyRestart: 'restart' | 'keep';
  /** A generation that runs longer has failed; null: no limit. */
  readonly timeout: Millis | null;
  /** null: started at boot. Otherwise only when the schedule is due. */
  readonly schedule: Schedule | null;
  /** `shutdown`: when the service has failed and is not retried, opsd ends with its exit code. */
  readonly onFailed: 'keep' | 'shutdown';
  /** Runs before each start; when it fails, the start has failed. */
  readonly beforeStart: Hook | null;
  /** Runs when the process tree of a generation is empty, however it ended. */
  readonly afterStop: Hook | null;
  /** `+edge` in a command means all services with the tag `edge`. */
  readonly tags: readonly string[];
  readonly timestamps: boolean;
}

export interface Dependency {
  readonly service: string;
  /** `ready`: the dependency is running; `started`: it was spawned; `completed`: it exited with success. */
  readonly until: 'ready' | 'started' | 'completed';
}

/** One question to a service; the answer is yes or no. */
export type Probe =
  /** `status` null: any from 200 to 399. */
  | { readonly kind: 'http'; readonly url: string; readonly status: number | null }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'exec'; readonly command: readonly [string, ...string[]] };

/** What must happen before `starting` becomes `running`. Without it a spawned service is ready. */
export interface Readiness {
  /** `fd`: a newline on the descriptor OPSD_NOTIFY_FD (s6's protocol). `log`: a line that matches. */
  readonly on: 'heartbeat' | 'delay' | 'fd' | 'log' | 'http' | 'tcp' | 'exec';
  readonly timeout: Millis;
  /** For `delay`: how long the service has to stay up. */
  readonly delay: Millis;
  /** For `http`, `tcp` and `exec`: repeated every `interval` until the answer is yes. */
  readonly probe: Probe | null;
  readonly interval: Millis;
  /** For `log`: a regular expression. */
  readonly pattern: string | null;
}

/** The probe that is repeated while a service runs. */
export interface Health {
  readonly probe: Probe;
  /** Between an answer and the next probe, spread by ± 10 %. */
  readonly interval: Millis;
  /** A probe without an answer after that long has failed. */
  readonly timeout: Millis;
  /** Failures in a row that make the service unhealthy, and successes in a row that make it healthy again. */
  readonly failures: number;
  readonly successes: number;
  readonly onFailure: 'restart' | 'mark';
}

/** When a job runs. The times are computed outside the core, which knows no calendar. */
export interface Schedule {
  /** crontab(5), with seconds where there are six fields. */
  readonly cron: string;
  /** IANA name; null: the host's. */
  readonly timezone: string | null;
  /** What happens when the schedule is due while the job still runs. */
  readonly overlap: 'skip' | 'queue' | 'kill';
  /** Each run starts up to that much later. */
  readonly randomDelay: Millis;
  /** The job runs once for all times that were missed: no opsd ran, the host slept, or its clock jumped. */
  readonly catchUp: boolean;
}

/**
 * When a change of a value is in force. `anew`: with the next process of the service, or the next opsd.
 * `at_once_if_replaced`: at once, but `anew` if the key was not set before, or is not set any more.
 */
export type InForce = 'at_once' | 'at_once_if_replaced' | 'anew';

/** One effective value as `config --explain` and the reload plan print it. */
export interface EffectiveValue {
  /** JSON, with `[redacted]` in the place of secrets. */
  readonly value: string;
  /** The value, or a part of it, is secret. */
  readonly secret: boolean;
  /** The value with its secrets, for comparing and hashing only. A function, so that nothing prints it by chance. */
  readonly whole?: () => string;
  /** `config.toml:12`, `OPSD__DAEMON__HTTP`, `default`. */
  readonly source: string;
  readonly inForce: InForce;
}

/** By key. */
export type EffectiveValues = ReadonlyMap<string, EffectiveValue>;

export interface ServiceSpec {
  /** `web`; of instances `web@1`, `web@2`, … */
  readonly name: string;
  /** The `web` of `web@1`; null: the service has no instances. */
  readonly group: string | null;
  /** The 1 of `web@1`. */
  readonly instance: number | null;
  readonly launch: Launch;
  readonly policy: Policy;
  /** Key path relative to the service (`stop_timeout`, `env.PORT`) to value: what a reload compares. */
  readonly effective: ReadonlyMap<string, EffectiveValue>;
  /** Why the service cannot start on this host, as it was when the configuration was read; absent: nothing stands against it. */
  readonly hindrance?: string;
  /** What of the spec is not known; absent: nothing. Only another reading of the configuration closes the gap. */
  readonly gap?: Gap;
}

/** A file that values of a spec come from and that could not be read. */
export interface Gap {
  readonly path: string;
  /** One sentence with the remedy. */
  readonly why: string;
}

/** The number of instances of a service with `instances`. */
export interface InstanceGroup {
  /** The number in the files. */
  readonly configured: number;
  /** The number in force: another one after `opsd ctl scale`. */
  readonly instances: number;
}

/** How the members of a group are replaced one after the other. */
export interface RolloutPolicy {
  /** How many of the members with desired state up may be down at a time. */
  readonly maxUnavailable: number;
  /** How many surge instances run beside the members during the rollout. */
  readonly maxSurge: number;
  /** `rollback`: changed members get their previous spec. */
  readonly onFailure: 'stop' | 'rollback';
}

/** Services that a rollout replaces one after the other: all instances of a service, or one service with `rollout`. */
export interface RolloutGroup {
  /** Names, in order. */
  readonly members: readonly string[];
  readonly policy: RolloutPolicy;
  /** Specs of the surge instances, at most `maxSurge`. */
  readonly surgeSpecs: readonly ServiceSpec[];
}
