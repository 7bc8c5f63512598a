// Spawns through execa, with its comforts switched off: for a Node without node:ffi.

import type { ChildProcess } from 'node:child_process';
import { execa } from 'execa';
import { codeOf } from '../../errors.ts';
import type { Child } from '../proc/signals.ts';
import { nodeChild } from './node-child.ts';
import type { ChildSpec, ExitCallbacks, Spawner } from './spawner.ts';

export class ExecaSpawner implements Spawner {
  readonly reapOrphan = null;
  readonly #children = new Set<ChildProcess>();

  spawn(spec: ChildSpec, callbacks: ExitCallbacks): Child | null {
    const [file, ...args] = spec.command;
    const subprocess = execa(file, args, {
      // setsid(2): a session and a process group of its own.
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
      // opsd does not use execa's promise: without execa's listeners the 14 KB that it keeps for each process can be
      // freed.
      child.removeAllListeners();
      // After a successful spawn an `error` event is about something else, such as a failed kill.
      child.on('error', () => {});
      const handle = nodeChild(child);
      this.#children.add(child);
      child.once('exit', (code, signal) => {
        this.#children.delete(child);
        callbacks.onExit(code, signal);
      });
      return handle;
    }
    let isTold = false;
    const tell = (error: unknown) => {
      if (isTold) return;
      isTold = true;
      callbacks.onError({ code: codeOf(error), message: error instanceof Error ? error.message : String(error) });
    };
    // execa rejects its result with errors that Node throws at once (E2BIG, EPERM); all others come as an `error`
    // event.
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

/** execa hands any descriptor on to Node, but its types name only a few. */
type Descriptor = 3 | 4 | 5 | 6 | 7 | 8 | 9;

function isDescriptor(output: number): output is Descriptor {
  return Number.isSafeInteger(output) && output >= 0;
}
