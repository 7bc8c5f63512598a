// `opsd ctl handover` ends opsd and leaves the services to the next one; `opsd ctl shutdown` stops them too.

import { existsSync } from 'node:fs';
import type { StatusView } from '../../api/services.ts';
import type { Millis } from '../../core/model/spec.ts';
import { RuntimeError } from '../../errors.ts';
import { span } from '../../text/quantities.ts';
import { timeoutOf } from '../arguments/limits.ts';
import { readStatus } from '../client/api.ts';
import { pause } from '../client/pause.ts';
import { Unanswered } from '../client/silence.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { showProgress } from '../show/progress.ts';

const LOOK_EVERY = 50;
/** Where it is not known who starts the next opsd, nobody may. */
const UNKNOWN_STARTER: Millis = 5_000;

export async function shutdown(ctl: Ctl): Promise<ExitCode> {
  const { client, terminal, options } = ctl;
  const { daemon } = await readStatus(client, []);
  await client.post('/api/v1/shutdown');
  if (options['no-wait'] === true) {
    terminal.out('opsd was asked to shut down\n');
    return 0;
  }
  await untilEnded(ctl, daemon.pid, 'shutdown');
  terminal.out('opsd has ended, all services are stopped\n');
  return 0;
}

export async function handover(ctl: Ctl): Promise<ExitCode> {
  const { client, clock, options, terminal } = ctl;
  const { daemon } = await readStatus(client, []);
  const answer = await client.post('/api/v1/handover');
  if (options['no-wait'] === true) {
    terminal.out('opsd was asked to hand over\n');
    return 0;
  }
  await untilEnded(ctl, daemon.pid, 'handover');
  const { unit } = answer as { readonly unit: string | null };
  const isPatient = unit !== null || typeof options.timeout === 'string';
  const timeout = isPatient ? timeoutOf(options.timeout) : UNKNOWN_STARTER;
  const since = clock.now();
  while (clock.now() - since < timeout && !terminal.interrupt.aborted) {
    const next = await statusUnlessEnded(ctl);
    if (next !== null && next.daemon.pid !== daemon.pid) {
      const { pid, version } = next.daemon;
      terminal.out(`opsd ${version} (pid ${pid}) has taken over, the services kept running\n`);
      return 0;
    }
    await pause(LOOK_EVERY, terminal.interrupt, clock);
  }
  throw new RuntimeError(`opsd has ended and the services run on, but ${whyAlone(unit, clock.now() - since)}`);
}

function whyAlone(unit: string | null, waited: Millis): string {
  if (unit === null) {
    return `nobody has started the next opsd within ${span(waited)}: until then nobody supervises them; start it as before: opsd run`;
  }
  return `the next opsd does not answer after ${span(waited)}: systemctl status ${unit} and journalctl -u ${unit} say why; systemctl start ${unit}`;
}

/** Throws RuntimeError when opsd has not ended in time. */
async function untilEnded(ctl: Ctl, pid: number, how: 'handover' | 'shutdown'): Promise<void> {
  const { clock, options, terminal } = ctl;
  const timeout = timeoutOf(options.timeout);
  const since = clock.now();
  let left: readonly string[] = [];
  using _progress = showProgress(ctl, () => left);
  while (clock.now() - since < timeout && !terminal.interrupt.aborted) {
    const status = await statusUnlessEnded(ctl);
    if (status === null || status.daemon.pid !== pid) return;
    left = status.services.filter((service) => service.pid !== null).map(({ name }) => name);
    await pause(LOOK_EVERY, terminal.interrupt, clock);
  }
  throw new RuntimeError(
    `opsd (pid ${pid}) has not ended after ${span(clock.now() - since)}; it carries on with the ${how}`,
  );
}

/** null: no opsd answers. */
async function statusUnlessEnded({ client }: Ctl): Promise<StatusView | null> {
  if (!existsSync(client.socketPath)) return null;
  try {
    return await readStatus(client, []);
  } catch (error) {
    if (error instanceof Unanswered || !(error instanceof RuntimeError)) throw error;
    return null;
  }
}
