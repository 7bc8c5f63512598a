// Both doors open on a scratch folder, with a fake daemon behind them.

import { join } from 'node:path';
import { type ServerOptions, startServers } from '../../src/http/server/server.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { scratch } from '../support/scratch.ts';
import { FakeControl, type FakeService } from './fake-control.ts';

export interface Doors extends AsyncDisposable {
  readonly control: FakeControl;
  readonly socket: string;
  readonly tcp: string;
  readonly folder: string;
  /** Lines of the log: `warn message {fields}`. */
  readonly log: string[];
}

export async function openDoors(
  services: readonly FakeService[] = [],
  options: Partial<ServerOptions> = {},
): Promise<Doors> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await scratch()).path;
  const control = new FakeControl(services);
  const socket = join(folder, 'opsd.sock');
  const log: string[] = [];
  const servers = opened.use(
    await startServers({
      clock: systemClock,
      queries: control,
      commands: control,
      socketPath: socket,
      socketMode: 0o600,
      socketGid: null,
      tcp: { host: '127.0.0.1', port: 0 },
      log: (level, message, fields) => log.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
      ...options,
    }),
  );
  const all = opened.move();
  return {
    control,
    socket,
    tcp: servers.tcpAddress ?? '',
    folder,
    log,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
