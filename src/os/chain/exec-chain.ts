// Builds the exec chain: the well-known tools in front of a command that give the process its attributes, exec one
// another and keep the PID.

import type { IoPriority } from '../../core/model/spec.ts';

/** The attributes that a service process starts with. */
export interface ProcessAttributes {
  readonly umask: number;
  readonly nice: number;
  readonly oomScoreAdj: number;
  /** Soft RLIMIT_NOFILE. */
  readonly descriptors: number;
  /** RLIMIT_NOFILE, soft and hard, in place of `descriptors`; null: not configured. */
  readonly nofile: number | null;
  /** RLIMIT_CORE in bytes; null: that of opsd. */
  readonly core: number | 'unlimited' | null;
  readonly ionice: IoPriority | null;
  readonly noNewPrivileges: boolean;
  /** All capabilities that the process may have (`CAP_CHOWN`, …); null: those of its user. */
  readonly capabilities: readonly string[] | null;
  /** The process inherits listening sockets, and LISTEN_PID must name it (sd_listen_fds(3)). */
  readonly hasSockets: boolean;
  /** null: the user of opsd. `isNamed`: the host knows the number, and so the supplementary groups. */
  readonly user: { readonly uid: number; readonly gid: number; readonly isNamed: boolean } | null;
  /** Path of the cgroup to enter; null: the cgroup of opsd. */
  readonly cgroup: string | null;
}

/** The attributes that a process inherits from opsd. */
export type Inherited = Pick<ProcessAttributes, 'umask' | 'nice' | 'oomScoreAdj' | 'descriptors'>;

/** Absolute paths, as the PATH of the service need not lead to the tools. */
export interface ChainTools {
  readonly sh: string;
  readonly prlimit: string;
  readonly nice: string;
  readonly ionice: string;
  readonly setpriv: string;
  /** null: perl is not installed. */
  readonly perl: string | null;
}

/**
 * All `stages` run with the privileges of opsd, and therefore with its environment and in `/`: nothing that the service
 * controls has an effect there. `steps` belong to the landing after them (landing.ts).
 */
export interface Chain {
  readonly stages: readonly string[];
  /** The last of the stages, which drops privileges; empty: the service keeps those of opsd. */
  readonly rights: readonly string[];
  /** Commands of sh(1) that need no more privileges than the service has. */
  readonly steps: readonly string[];
  /** Commands of sh(1) that come directly before the exec of the service. */
  readonly last: readonly string[];
  /** The process must set LISTEN_PID to its own PID. */
  readonly hasSockets: boolean;
}

/** null: the process inherits all that is configured, so it needs no chain. */
export function execChain(birth: ProcessAttributes, inherited: Inherited, tools: ChainTools): Chain | null {
  const rights = rightsStage(birth, tools);
  const early = earlySteps(birth, inherited);
  const late = lateSteps(birth, inherited);
  const others = [
    ...limitStage(birth, tools),
    ...niceStage(birth, inherited, tools),
    ...ioStage(birth, tools),
    ...rights,
  ];
  const last = lastSteps(birth);
  // If no privileges are dropped, one shell does all steps.
  const isOneShell = rights.length === 0;
  const steps = isOneShell ? [...early, ...late] : late;
  const { hasSockets } = birth;
  if (others.length + steps.length + last.length === 0 && !hasSockets) return null;
  return { stages: [...(isOneShell ? [] : shellStage(early, tools)), ...others], rights, steps, last, hasSockets };
}

/** Steps that the service's user is not permitted to do. */
function earlySteps({ oomScoreAdj, cgroup }: ProcessAttributes, inherited: Inherited): string[] {
  const steps: string[] = [];
  if (oomScoreAdj !== inherited.oomScoreAdj) steps.push(setOomScoreAdj(oomScoreAdj));
  if (cgroup !== null) steps.push(`echo $$ > ${quote(`${cgroup}/cgroup.procs`)}`);
  return steps;
}

function lateSteps({ umask, nofile, descriptors }: ProcessAttributes, inherited: Inherited): string[] {
  const steps: string[] = [];
  if (umask !== inherited.umask) steps.push(`umask ${umask.toString(8).padStart(3, '0')}`);
  if (nofile === null && descriptors !== inherited.descriptors) steps.push(`ulimit -S -n ${descriptors}`);
  return steps;
}

/** A shell needs some descriptors for itself: a lower limit must be set last. */
const FEW_DESCRIPTORS = 64;

function lastSteps({ nofile }: ProcessAttributes): string[] {
  return nofile !== null && nofile <= FEW_DESCRIPTORS ? [`ulimit -n ${nofile}`] : [];
}

/** A stage for what a process can only do to itself: a shell does it and execs the next stage. */
export function shellStage(steps: readonly string[], { sh }: Pick<ChainTools, 'sh'>): string[] {
  return steps.length === 0 ? [] : [sh, '-c', [...steps, 'exec "$@"'].join('; '), 'opsd'];
}

/** Quotes any text as one word for sh(1). */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The shell's own message when the kernel refuses ("echo: I/O error") would help nobody. */
function setOomScoreAdj(score: number): string {
  const refused = `opsd: the kernel refuses oom_score_adj = ${score} without CAP_SYS_RESOURCE, this goes on without`;
  return `{ echo ${score} > /proc/self/oom_score_adj; } 2>/dev/null || echo "${refused}" >&2`;
}

function limitStage({ nofile, core }: ProcessAttributes, { prlimit }: ChainTools): string[] {
  const options: string[] = [];
  if (nofile !== null && nofile > FEW_DESCRIPTORS) options.push(`--nofile=${nofile}:${nofile}`);
  if (core !== null) options.push(`--core=${core}:${core}`);
  return options.length === 0 ? [] : [prlimit, ...options, '--'];
}

function niceStage(birth: ProcessAttributes, inherited: Inherited, { nice }: ChainTools): string[] {
  // nice(1) adds to the inherited value.
  return birth.nice === inherited.nice ? [] : [nice, '-n', String(birth.nice - inherited.nice), '--'];
}

/** The class numbers of ionice(1). */
const IO_CLASSES = { realtime: 1, 'best-effort': 2, idle: 3 } as const;

function ioStage({ ionice: wanted }: ProcessAttributes, { ionice }: ChainTools): string[] {
  if (wanted === null) return [];
  const level = wanted.level === null ? [] : ['-n', String(wanted.level)];
  return [ionice, '-c', String(IO_CLASSES[wanted.class]), ...level, '--'];
}

/**
 * The stage that drops privileges (setpriv(1)). It sets the user's supplementary groups: spawn's uid and gid would
 * leave the service with none (edge case N7). Capabilities also go into the ambient set: without it a program of a user
 * other than root has none.
 */
export function rightsStage(
  { user, noNewPrivileges, capabilities }: Pick<ProcessAttributes, 'user' | 'noNewPrivileges' | 'capabilities'>,
  { setpriv }: Pick<ChainTools, 'setpriv'>,
): string[] {
  const options: string[] = [];
  if (user !== null) {
    options.push(`--reuid=${user.uid}`, `--regid=${user.gid}`, user.isNamed ? '--init-groups' : '--clear-groups');
  }
  if (noNewPrivileges) options.push('--no-new-privs');
  if (capabilities !== null) {
    const set = ['-all', ...capabilities.map((name) => `+${name.replace(/^CAP_/, '').toLowerCase()}`)].join(',');
    options.push(`--bounding-set=${set}`, `--inh-caps=${set}`, `--ambient-caps=${set}`);
  }
  return options.length === 0 ? [] : [setpriv, ...options, '--'];
}
