// What stands in front of a command so that it is born as asked for: well-kept tools that exec one another and keep the PID.

/** What a service process is to be born with. */
export interface Birth {
  readonly umask: number;
  readonly nice: number;
  readonly oomScoreAdj: number;
  /** Soft RLIMIT_NOFILE. */
  readonly descriptors: number;
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
  readonly nice: string;
  readonly setpriv: string;
}

/** The arguments before the command; none where it inherits all that is asked for. */
export function execChain(birth: Birth, inherited: Inherited, tools: ChainTools): string[] {
  return [...shellStage(birth, inherited, tools), ...niceStage(birth, inherited, tools), ...userStage(birth, tools)];
}

/** What only a process itself can set: a shell does it and becomes the next stage. */
function shellStage(birth: Birth, inherited: Inherited, { sh }: ChainTools): string[] {
  const steps: string[] = [];
  if (birth.umask !== inherited.umask) steps.push(`umask ${birth.umask.toString(8).padStart(3, '0')}`);
  if (birth.descriptors !== inherited.descriptors) steps.push(`ulimit -S -n ${birth.descriptors}`);
  if (birth.oomScoreAdj !== inherited.oomScoreAdj) steps.push(`echo ${birth.oomScoreAdj} > /proc/self/oom_score_adj`);
  if (birth.cgroup !== null) steps.push('echo $$ > "$0/cgroup.procs"');
  if (steps.length === 0) return [];
  // The shell exports its working directory, which nobody asked for.
  return [sh, '-c', [...steps, 'unset PWD OLDPWD', 'exec "$@"'].join('; '), birth.cgroup ?? 'opsd'];
}

function niceStage(birth: Birth, inherited: Inherited, { nice }: ChainTools): string[] {
  // nice(1) adds to what it inherits.
  return birth.nice === inherited.nice ? [] : [nice, '-n', String(birth.nice - inherited.nice), '--'];
}

/** With the user's own supplementary groups: spawn's uid and gid would leave it with none (EDGE-CASES N7). */
function userStage({ user }: Birth, { setpriv }: ChainTools): string[] {
  if (user === null) return [];
  return [setpriv, `--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--'];
}
