// `opsd ctl handover` ends opsd and leaves the services running; `opsd ctl shutdown` stops them too.

import { existsSync } from 'node:fs';
import type { StatusView } from '../../api/services.ts';
import { RuntimeError } from '../../errors.ts';
import { span } from '../../text/quantities.ts';
import { timeoutOf } from '../arguments/limits.ts';
import { readStatus } from '../client/api.ts';
import { pause } from '../client/pause.ts';
import { Unanswered } from '../client/silence.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { showProgress } from '../show/progress.ts';

const LOOK_EVERY = 50;

export async function endDaemon(ctl: Ctl, how: 'handover' | 'shutdown'): Promise<ExitCode> {
  const { client, terminal, clock, options } = ctl;
  const timeout = timeoutOf(options.timeout);
  const { daemon } = await readStatus(client, []);
  await client.post(`/api/v1/${how}`);
  if (options['no-wait'] === true) {
    terminal.out('opsd was asked to shut down\n');
    return 0;
  }
  const since = clock.now();
  let left: readonly string[] = [];
  using _progress = showProgress(ctl, () => left);
  while (clock.now() - since < timeout && !terminal.interrupt.aborted) {
    const status = await statusUnlessEnded(client.socketPath, () => readStatus(client, []));
    if (status === null || status.daemon.pid !== daemon.pid) {
      terminal.out(
        how === 'shutdown'
          ? 'opsd has ended, all services are stopped\n'
          : 'opsd has ended, the services keep running\n',
      );
      return 0;
    }
    left = status.services.filter(({ pid }) => pid !== null).map(({ name }) => name);
    await pause(LOOK_EVERY, terminal.interrupt, clock);
  }
  throw new RuntimeError(
    `opsd (pid ${daemon.pid}) has not ended after ${span(clock.now() - since)}; it carries on with the ${how}`,
  );
}

/** null: opsd has ended. */
async function statusUnlessEnded(socketPath: string, ask: () => Promise<StatusView>): Promise<StatusView | null> {
  if (!existsSync(socketPath)) return null;
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Unanswered || !(error instanceof RuntimeError)) throw error;
    return null;
  }
}
