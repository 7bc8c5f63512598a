// Spawns one process through execa, of whose comforts it uses none: the core owns time, signals and the end.

import type { ChildProcess } from 'node:child_process';
import { execa } from 'execa';
import { codeOf } from './identity.ts';

export interface ChildSpec {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stdout: number | 'ignore' | 'inherit';
  readonly stderr: number | 'ignore' | 'inherit';
  /** What it gets as descriptors 3, 4, … */
  readonly descriptors: readonly number[];
}

export interface SpawnError {
  /** errno name, or that of Node's own check; empty: unknown. */
  readonly code: string;
  readonly message: string;
}

export interface Spawned {
  readonly child: ChildProcess;
  readonly pid: number;
}

/** null: it failed, and the reason comes through `onError`, once and never within this call. */
export function spawnChild(spec: ChildSpec, onError: (error: SpawnError) => void): Spawned | null {
  const [file, ...args] = spec.command;
  const subprocess = execa(file, args, {
    // A session and a process group of its own.
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
    forceKillAfterDelay: false,
    extendEnv: false,
    preferLocal: false,
    shell: false,
    stripFinalNewline: false,
    cwd: spec.cwd,
    env: { ...spec.environment },
    stdio: ['ignore', forExeca(spec.stdout), forExeca(spec.stderr), ...spec.descriptors.map(forExeca)],
  });
  const child = subprocess.nodeChildProcess;
  if (child.pid !== undefined) {
    subprocess.catch(() => {});
    // What execa waits for is nobody's concern here: without its listeners all that it keeps of a process (14 KB) can go.
    child.removeAllListeners();
    // After a good spawn this is no news of the spawn: a failed kill, for example.
    child.on('error', () => {});
    return { child, pid: child.pid };
  }
  let isTold = false;
  const tell = (error: unknown) => {
    if (isTold) return;
    isTold = true;
    onError({ code: codeOf(error), message: error instanceof Error ? error.message : String(error) });
  };
  // What Node throws at once (E2BIG, EPERM) execa tells through its result, the rest comes as an event.
  child.once('error', tell);
  subprocess.then(({ cause }) => tell(cause ?? new Error('the process could not be started')), tell);
  return null;
}

function forExeca(output: number | 'ignore' | 'inherit'): 'ignore' | 'inherit' | Descriptor {
  if (typeof output !== 'number') return output;
  if (isDescriptor(output)) return output;
  throw new RangeError(`${output} is not a file descriptor`);
}

/** execa takes any descriptor and hands it to Node as it is; its types can name only some. */
type Descriptor = 3 | 4 | 5 | 6 | 7 | 8 | 9;

function isDescriptor(output: number): output is Descriptor {
  return Number.isSafeInteger(output) && output >= 0;
}
