// A fake daemon where ctl looks for one.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startServers } from '../../src/http/server/server.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { FakeControl, type FakeService } from '../http/fake-control.ts';
import { scratch } from '../support/scratch.ts';
import { opsd, type Result } from './run-opsd.ts';

export interface Daemon extends AsyncDisposable {
  readonly control: FakeControl;
  readonly prefix: string;
  ctl(...args: string[]): Promise<Result>;
  /** Ends it, as a shutdown does. */
  end(): Promise<void>;
}

export async function fakeDaemon(services: readonly FakeService[] = []): Promise<Daemon> {
  await using opened = new AsyncDisposableStack();
  const { path: prefix } = opened.use(await scratch());
  mkdirSync(join(prefix, 'run'));
  const control = new FakeControl(services);
  const servers = opened.use(
    await startServers({
      clock: systemClock,
      queries: control,
      commands: control,
      socketPath: join(prefix, 'run', 'opsd.sock'),
      socketMode: 0o600,
      socketGid: null,
      tcp: null,
      log: () => undefined,
    }),
  );
  const all = opened.move();
  return {
    control,
    prefix,
    ctl: (...args) => opsd(prefix, ['ctl', ...args]),
    end: async () => servers[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
