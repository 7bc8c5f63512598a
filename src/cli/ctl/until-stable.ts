// `--wait` of start, restart and reload: waits until services are stable and rollouts are over, and tells what failed.

import type { RolloutView } from '../../api/rollouts.ts';
import type { ServiceView } from '../../api/services.ts';
import type { Millis } from '../../core/model/spec.ts';
import { RuntimeError } from '../../errors.ts';
import { ago } from '../../runtime/wall-time.ts';
import { sanitised } from '../../text/harmless.ts';
import { span } from '../../text/quantities.ts';
import { readRollouts, readStatus } from '../client/api.ts';
import { pause } from '../client/pause.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { showProgress } from '../show/progress.ts';
import { paint } from '../show/terminal.ts';

/** Between two looks: longer than a look takes opsd with a thousand services. */
const INTERVAL: Millis = 300;
const MOST_NAMED = 10;

/** What is waited for. */
interface Awaited {
  /** Names of services. */
  readonly services: readonly string[];
  /** Services whose rollout must be over. */
  readonly rollouts: readonly string[];
}

/** Exits 2 as soon as a service fails or a rollout stops or is rolled back, and after `timeout`. */
export async function untilStable(ctl: Ctl, awaited: Awaited, timeout: Millis): Promise<ExitCode> {
  const { client, terminal, clock } = ctl;
  const begun = clock.now();
  let pending: readonly string[] = [...awaited.services, ...awaited.rollouts];
  using _progress = showProgress(ctl, () => pending);
  while (pending.length > 0) {
    const services = awaited.services.length === 0 ? [] : (await readStatus(client, awaited.services)).services;
    const rollouts = awaited.rollouts.length === 0 ? [] : await readRollouts(client, awaited.rollouts);
    const failures = [...services.flatMap(failureOf), ...rollouts.flatMap(stopOf)];
    if (failures.length > 0) {
      for (const failure of failures.slice(0, MOST_NAMED)) tell(ctl, failure);
      if (failures.length > MOST_NAMED) tell(ctl, `and ${failures.length - MOST_NAMED} more; see: opsd ctl status`);
      return 2;
    }
    const unstable = services.filter((service) => !isAtRest(service, clock.unix()));
    const going = rollouts.filter(({ state }) => state === 'going');
    pending = [...unstable, ...going.map(({ service }) => ({ name: service }))].map(({ name }) => name);
    if (pending.length === 0) break;
    const [first] = pending;
    const named = pending.slice(0, MOST_NAMED).join(', ');
    if (clock.now() - begun > timeout) {
      throw new RuntimeError(
        `not stable after ${span(timeout)}: ${named}; opsd carries on. Wait longer with --timeout, or ask: opsd ctl why ${first}`,
      );
    }
    await pause(INTERVAL, terminal.interrupt, clock);
    if (terminal.interrupt.aborted) throw new RuntimeError(`no longer waiting for ${named}; opsd carries on`);
  }
  return 0;
}

function tell({ terminal }: Ctl, failure: string): void {
  terminal.err(`${terminal.errIsTty ? paint(terminal, 'red', failure) : failure}\n`);
}

/** Whether there is nothing to wait for: it is stable, has ended well, or is not to run. */
function isAtRest({ state, stable_at }: ServiceView, unix: number): boolean {
  if (state === 'running') return stable_at !== null && ago(stable_at, unix) >= 0;
  return state === 'exited' || state === 'stopped';
}

/** Failures in a row are counted anew by each command, so that one means: it failed since. */
function failureOf({ name, state, reason, failures_in_a_row, last_run }: ServiceView): readonly string[] {
  const isBadEnd = state === 'exited' && last_run?.result === 'failure';
  const hasFailed = failures_in_a_row > 0 || state === 'failed' || state === 'backoff' || isBadEnd;
  return hasFailed ? [`${name}: ${state}, ${sanitised(reason)}; ask: opsd ctl why ${name}`] : [];
}

function stopOf({ service, state, detail, failure }: RolloutView): readonly string[] {
  const isBadEnd = state === 'stopped' || (state === 'done' && failure !== null);
  return isBadEnd ? [`rollout of ${service}: ${sanitised(detail)}`] : [];
}
