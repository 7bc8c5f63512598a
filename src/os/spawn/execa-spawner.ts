// Spawns through execa, of whose comforts it uses none: the way for a Node without node:ffi.

import type { ChildProcess } from 'node:child_process';
import { execa } from 'execa';
import { codeOf } from '../../errors.ts';
import type { Child } from '../proc/signals.ts';
import { nodeChild } from './node-child.ts';
import type { ChildSpec, ExitCallbacks, Spawner } from './spawner.ts';

export class ExecaSpawner implements Spawner {
  readonly fetchOrphan = null;
  readonly #children = new Set<ChildProcess>();

  spawn(spec: ChildSpec, fate: ExitCallbacks): Child | null {
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
      stdio: [forExeca(spec.stdin), forExeca(spec.stdout), forExeca(spec.stderr), ...spec.descriptors.map(forExeca)],
    });
    const child = subprocess.nodeChildProcess;
    if (child.pid !== undefined) {
      subprocess.catch(() => {});
      // What execa waits for is nobody's concern here: without its listeners all that it keeps of a process (14 KB) can go.
      child.removeAllListeners();
      // After a good spawn this is no news of the spawn: a failed kill, for example.
      child.on('error', () => {});
      const handle = nodeChild(child);
      this.#children.add(child);
      child.once('exit', (code, signal) => {
        this.#children.delete(child);
        fate.onExit(code, signal);
      });
      return handle;
    }
    let isTold = false;
    const tell = (error: unknown) => {
      if (isTold) return;
      isTold = true;
      fate.onError({ code: codeOf(error), message: error instanceof Error ? error.message : String(error) });
    };
    // What Node throws at once (E2BIG, EPERM) execa tells through its result, the rest comes as an event.
    child.once('error', tell);
    subprocess.then(({ cause }) => tell(cause ?? new Error('the process could not be started')), tell);
    return null;
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) {
      child.removeAllListeners('exit');
      child.unref();
    }
    this.#children.clear();
  }
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
