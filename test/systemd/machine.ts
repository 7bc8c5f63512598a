// A machine with a booted systemd and an installed opsd, as the tests use it: in a container, or in a virtual machine.

import { strict as assert } from 'node:assert';
import { waitFor } from '../support/wait.ts';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a kind of machine does what every machine can. */
export interface Box extends AsyncDisposable {
  /** Runs it as root, in `/`. */
  run(command: readonly string[]): Promise<Ended>;
  reboot(): Promise<void>;
}

export interface Machine extends AsyncDisposable {
  /** As it ended, whatever that was. `user`: with that user's groups. */
  run(command: string, user?: string): Promise<Ended>;
  /** Its output without the last newline; anything but exit code 0 is an error. */
  sh(command: string, user?: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
  /** waitFor; what opsd wrote to the journal is part of the error. */
  until<T>(what: string, probe: () => Promise<T | undefined | false | null>, limitMs?: number): Promise<T>;
  reboot(): Promise<void>;
}

export function machine(box: Box): Machine {
  const run = (command: string, user?: string) => {
    const as = user === undefined ? [] : ['runuser', '-u', user, '--'];
    return box.run([...as, '/bin/bash', '-c', command]);
  };
  const sh = async (command: string, user?: string) => {
    const { code, stdout, stderr } = await run(command, user);
    assert.equal(code, 0, `${command}\nended with ${code}\n${stdout}${stderr}`);
    return stdout.replace(/\n$/, '');
  };
  return {
    run,
    sh,
    async write(path, text) {
      const encoded = Buffer.from(text).toString('base64');
      await sh(`mkdir -p "$(dirname '${path}')" && echo ${encoded} | base64 -d >'${path}'`);
    },
    async until(what, probe, limitMs) {
      try {
        return await waitFor(what, probe, limitMs);
      } catch (error) {
        const journal = await run(
          'systemctl status opsd --no-pager -n 0; journalctl -u opsd -o short-precise --no-pager -n 60',
        );
        throw new Error(`${what}: never. opsd's journal:\n${journal.stdout}`, { cause: error });
      }
    },
    reboot: () => box.reboot(),
    [Symbol.asyncDispose]: () => box[Symbol.asyncDispose](),
  };
}

/** No command that a test runs takes longer. */
export const COMMAND_TIMEOUT_MS = 90_000;
