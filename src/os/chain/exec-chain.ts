// What stands in front of a command so that it is born as asked for: well-kept tools that exec one another and keep the PID.

import type { IoPriority } from '../../core/model/spec.ts';

/** What a service process is to be born with. */
export interface Birth {
  readonly umask: number;
  readonly nice: number;
  readonly oomScoreAdj: number;
  /** Soft RLIMIT_NOFILE. */
  readonly descriptors: number;
  /** RLIMIT_NOFILE, soft and hard, instead of that; null: not asked for. */
  readonly nofile: number | null;
  /** RLIMIT_CORE in bytes; null: as opsd. */
  readonly core: number | 'unlimited' | null;
  readonly ionice: IoPriority | null;
  readonly noNewPrivileges: boolean;
  /** `CAP_CHOWN`, …: all it may have; null: as its user. */
  readonly capabilities: readonly string[] | null;
  /** It is given listening sockets, and is to know that it is the one that is meant (sd_listen_fds(3)). */
  readonly hasSockets: boolean;
  /** null: as opsd itself. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  /** Path of the cgroup to enter; null: that of opsd. */
  readonly cgroup: string | null;
}

/** What it would inherit of opsd. */
export type Inherited = Pick<Birth, 'umask' | 'nice' | 'oomScoreAdj' | 'descriptors'>;

/** Absolute paths: the service's own PATH need not lead to them. */
export interface ChainTools {
  readonly sh: string;
  readonly prlimit: string;
  readonly nice: string;
  readonly ionice: string;
  readonly setpriv: string;
  /** null: it is not installed. */
  readonly perl: string | null;
}

/**
 * All of `stages` run with the rights of opsd, and therefore with opsd's environment and in `/`: nothing that the service
 * could have a hand in has any force there. `steps` are of the landing behind them (landing.ts).
 */
export interface Chain {
  readonly stages: readonly string[];
  /** The last of the stages, which gives up rights; empty: the service has those of opsd. */
  readonly rights: readonly string[];
  /** Commands of sh(1) that need no more rights than the service has. */
  readonly steps: readonly string[];
  /** The same, when nothing else is left to do. */
  readonly last: readonly string[];
  /** The process is to say to itself that the sockets are for it (LISTEN_PID). */
  readonly hasSockets: boolean;
}

/** null: it inherits all that is asked for. */
export function execChain(birth: Birth, inherited: Inherited, tools: ChainTools): Chain | null {
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
  // Without rights to give up one shell does all that shells have to do.
  const isOneShell = rights.length === 0;
  const steps = isOneShell ? [...early, ...late] : late;
  const { hasSockets } = birth;
  if (others.length + steps.length + last.length === 0 && !hasSockets) return null;
  return { stages: [...(isOneShell ? [] : shellStage(early, tools)), ...others], rights, steps, last, hasSockets };
}

/** The service's user may do neither. */
function earlySteps({ oomScoreAdj, cgroup }: Birth, inherited: Inherited): string[] {
  const steps: string[] = [];
  if (oomScoreAdj !== inherited.oomScoreAdj) steps.push(setOomScoreAdj(oomScoreAdj));
  if (cgroup !== null) steps.push(`echo $$ > ${quote(`${cgroup}/cgroup.procs`)}`);
  return steps;
}

function lateSteps({ umask, nofile, descriptors }: Birth, inherited: Inherited): string[] {
  const steps: string[] = [];
  if (umask !== inherited.umask) steps.push(`umask ${umask.toString(8).padStart(3, '0')}`);
  if (nofile === null && descriptors !== inherited.descriptors) steps.push(`ulimit -S -n ${descriptors}`);
  return steps;
}

/** A shell takes some descriptors for itself for a moment: it may not have fewer before. */
const FEW_DESCRIPTORS = 64;

function lastSteps({ nofile }: Birth): string[] {
  return nofile !== null && nofile <= FEW_DESCRIPTORS ? [`ulimit -n ${nofile}`] : [];
}

/** What only a process itself can do: a shell does it and becomes what follows. */
export function shellStage(steps: readonly string[], { sh }: Pick<ChainTools, 'sh'>): string[] {
  return steps.length === 0 ? [] : [sh, '-c', [...steps, 'exec "$@"'].join('; '), 'opsd'];
}

/** One word for sh(1), whatever is in it. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What a shell says by itself when the kernel refuses it, "echo: I/O error", would tell nobody anything. */
function setOomScoreAdj(score: number): string {
  const refused = `opsd: the kernel refuses oom_score_adj = ${score} without CAP_SYS_RESOURCE, this goes on without`;
  return `{ echo ${score} > /proc/self/oom_score_adj; } 2>/dev/null || echo "${refused}" >&2`;
}

function limitStage({ nofile, core }: Birth, { prlimit }: ChainTools): string[] {
  const options: string[] = [];
  if (nofile !== null && nofile > FEW_DESCRIPTORS) options.push(`--nofile=${nofile}:${nofile}`);
  if (core !== null) options.push(`--core=${core}:${core}`);
  return options.length === 0 ? [] : [prlimit, ...options, '--'];
}

function niceStage(birth: Birth, inherited: Inherited, { nice }: ChainTools): string[] {
  // nice(1) adds to what it inherits.
  return birth.nice === inherited.nice ? [] : [nice, '-n', String(birth.nice - inherited.nice), '--'];
}

/** The numbers are those of ionice(1). */
const IO_CLASSES = { realtime: 1, 'best-effort': 2, idle: 3 } as const;

function ioStage({ ionice: wanted }: Birth, { ionice }: ChainTools): string[] {
  if (wanted === null) return [];
  const level = wanted.level === null ? [] : ['-n', String(wanted.level)];
  return [ionice, '-c', String(IO_CLASSES[wanted.class]), ...level, '--'];
}

/**
 * With the user's own supplementary groups: spawn's uid and gid would leave it with none (edge case N7). Capabilities go
 * into the ambient set, too: only so a program of another user than root has them.
 */
export function rightsStage(
  { user, noNewPrivileges, capabilities }: Pick<Birth, 'user' | 'noNewPrivileges' | 'capabilities'>,
  { setpriv }: Pick<ChainTools, 'setpriv'>,
): string[] {
  const options: string[] = [];
  if (user !== null) options.push(`--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups');
  if (noNewPrivileges) options.push('--no-new-privs');
  if (capabilities !== null) {
    const set = ['-all', ...capabilities.map((name) => `+${name.replace(/^CAP_/, '').toLowerCase()}`)].join(',');
    options.push(`--bounding-set=${set}`, `--inh-caps=${set}`, `--ambient-caps=${set}`);
  }
  return options.length === 0 ? [] : [setpriv, ...options, '--'];
}
