// The services under test: what each is like, what the configuration says of it, and whether it is to be up.

import { join } from 'node:path';

/** What a service does when it is left alone, for whoever judges it. */
export type Habit =
  /** Stays up. */
  | 'stays'
  /** Ends, or is ended by opsd, every few seconds, and comes back. */
  | 'returns'
  /** Does its work once. */
  | 'ends'
  /** Does its work until it succeeds. */
  | 'succeeds';

export interface Kind {
  readonly habit: Habit;
  /** Arguments of service.sh behind the journal. */
  readonly program: readonly string[];
  /** Lines of TOML. */
  readonly settings: readonly string[];
  /** Its output comes through opsd, and is checked. */
  readonly isCaptured: boolean;
  /** All its processes end when they are asked to. What is removed while no opsd is there has 30 s for that. */
  readonly isObedient: boolean;
}

/** `unknown`: an order was cut off, or what opsd remembered was destroyed. */
export type Wish = 'up' | 'down' | 'unknown';

export interface Member {
  readonly name: string;
  readonly kind: Kind;
  isConfigured: boolean;
  wish: Wish;
  /** Part of its environment: another one takes a new process. */
  revision: number;
  /** Whether the process that runs must have that revision: not after what opsd remembered was destroyed. */
  isRevisionSure: boolean;
  stopTimeoutMs: number;
  timestamps: boolean;
  /** An order is under way. */
  isBusy: boolean;
  /** opsd may take one of its processes for the main process, which has ended: nothing tells it better any more. */
  isMistakable: boolean;
  /** When an operator said something last, by performance.now(). */
  orderedAt: number;
}

/** Longest delay before a restart: backoff.max with its jitter, or retry_failed. */
export const LONGEST_BACKOFF_MS = 2_200;
const BACKOFF = 'backoff = { initial = "100ms", factor = 2, max = "1600ms", jitter = 0.1 }';

function kind(habit: Habit, program: string, settings: readonly string[] = [], isCaptured = true): Kind {
  return {
    habit,
    program: program.split(' '),
    settings,
    isCaptured,
    isObedient: !/deaf|daemonizing|escaping/.test(program),
  };
}

const obedient = kind('stays', 'plain');
const stubborn = kind('stays', 'plain deaf');
const heartbeat = (grace: string, timeout: string) => `heartbeat = { timeout = "${timeout}", grace = "${grace}" }`;

function kinds(isRoot: boolean): Record<string, Kind> {
  return {
    'obedient-1': obedient,
    'obedient-2': obedient,
    'obedient-3': obedient,
    'obedient-nobody': isRoot ? kind('stays', 'plain', ['user = "nobody"']) : obedient,
    'obedient-direct': kind('stays', 'plain', [], false),
    'stubborn-1': stubborn,
    'stubborn-2': stubborn,
    'stubborn-3': stubborn,
    'forking-1': kind('stays', 'forking obedient'),
    'forking-2': kind('stays', 'forking obedient'),
    'forking-deaf-1': kind('stays', 'forking deaf'),
    'forking-deaf-2': kind('stays', 'forking deaf'),
    'daemonizing-1': kind('stays', 'daemonizing'),
    'daemonizing-2': kind('stays', 'daemonizing'),
    'escaping-1': kind('stays', 'escaping'),
    'escaping-2': kind('stays', 'escaping'),
    'escaping-deaf': kind('stays', 'escaping deaf'),
    'escaping-crashing': kind('returns', 'escaping obedient 4'),
    'crashing-1': kind('returns', 'crashing'),
    'crashing-2': kind('returns', 'crashing deaf'),
    'crashing-failed': kind('returns', 'crashing', ['max_failures = 2', 'stable_after = "1m"', 'retry_failed = "2s"']),
    'beating-1': kind('stays', 'beating', [heartbeat('8s', '8s')]),
    'beating-2': kind('stays', 'beating', [heartbeat('8s', '8s'), 'ready = { on = "heartbeat" }']),
    'silent-1': kind('returns', 'silent', [heartbeat('2s', '2s')]),
    'silent-2': kind('returns', 'silent deaf', [heartbeat('2s', '2s')]),
    'chatty-1': kind('stays', 'chatty'),
    'chatty-2': kind('stays', 'chatty'),
    'oneshot-1': kind('ends', 'oneshot', ['restart = "never"']),
    'oneshot-2': kind('ends', 'oneshot', ['restart = "never"']),
    flaky: kind('succeeds', 'flaky', ['restart = "on-failure"']),
  };
}

/** A state file may be that much older than what it is missed for: where it is lost, the copy from before is used. */
const REMEMBERED_LATE_MS = 30_000;

export class Fleet {
  readonly members: readonly Member[];
  /** What opsd remembered was destroyed, and no opsd has answered since. */
  #isForgotten = false;
  readonly #journals: string;
  readonly #program: string;

  get isForgotten(): boolean {
    return this.#isForgotten;
  }

  /** `journals`: the folder of the services' own journals. */
  constructor(journals: string, isRoot: boolean) {
    this.#journals = journals;
    this.#program = join(import.meta.dirname, 'service.sh');
    this.members = Object.entries(kinds(isRoot)).map(([name, kind]) => ({
      name,
      kind,
      isConfigured: true,
      wish: 'up',
      revision: 1,
      isRevisionSure: true,
      stopTimeoutMs: 1_000,
      timestamps: name === 'chatty-2' || name === 'obedient-2',
      isBusy: false,
      isMistakable: false,
      orderedAt: Number.NEGATIVE_INFINITY,
    }));
  }

  journalOf(name: string): string {
    return join(this.#journals, name);
  }

  /** What opsd remembered may be lost. `revisionOf`: that of the process of a service that runs. */
  forget(revisionOf: (name: string) => number | null): void {
    this.#isForgotten = true;
    for (const member of this.members) {
      const isRecent = performance.now() - member.orderedAt < REMEMBERED_LATE_MS;
      if (member.wish === 'down' || isRecent) member.wish = 'unknown';
      if (revisionOf(member.name) !== member.revision) member.isRevisionSure = false;
    }
  }

  /** An opsd has answered: whatever it found, it knows it now. */
  remembers(): void {
    this.#isForgotten = false;
  }

  /** The next process of this service has another environment. */
  revise(member: Member): void {
    member.revision += 1;
    if (this.#isForgotten) member.isRevisionSure = false;
  }

  /** config.toml. No TCP: more than one run may be under way on this host. */
  toml(): string {
    const head = ['[daemon]', 'http = ""', 'log_dir = "./disk/log"', 'shutdown_timeout = "20s"', ''];
    const defaults = [
      '[defaults]',
      BACKOFF,
      'stable_after = "1s"',
      'max_failures = 1000',
      'max_failures_in = "0s"',
      '',
    ];
    const services = this.members.filter(({ isConfigured }) => isConfigured).flatMap((member) => this.#table(member));
    return [...head, ...defaults, ...services].join('\n');
  }

  #table({ name, kind, revision, stopTimeoutMs, timestamps }: Member): string[] {
    const command = [this.#program, this.journalOf(name), ...kind.program];
    const mode = kind.isCaptured ? 'capture' : 'direct';
    return [
      `[services.${name}]`,
      `command = ${JSON.stringify(command)}`,
      `env = { REVISION = "${revision}" }`,
      `stop_timeout = "${stopTimeoutMs}ms"`,
      `log = { mode = "${mode}", timestamps = ${timestamps && kind.isCaptured} }`,
      ...kind.settings,
      '',
    ];
  }
}
