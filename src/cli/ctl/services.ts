// `opsd ctl start|stop|restart|run|reset|signal`: commands to services; each service answers when it has finished.

import type { RolloutAction } from '../../api/rollouts.ts';
import type { Outcome } from '../../core/model/effects.ts';
import type { CommandAction } from '../../core/model/state.ts';
import { ConfigError, RuntimeError } from '../../errors.ts';
import { sanitised } from '../../text/harmless.ts';
import { configuredName } from '../../text/instance-name.ts';
import { span } from '../../text/quantities.ts';
import { readSignal } from '../../text/signals.ts';
import { timeoutOf } from '../arguments/limits.ts';
import { parseAnswer } from '../client/answer.ts';
import { readStatus } from '../client/api.ts';
import { linesOf } from '../client/lines.ts';
import { orAborted } from '../client/pause.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { showProgress } from '../show/progress.ts';
import { paint } from '../show/terminal.ts';
import { untilStable } from './until-stable.ts';

interface Line {
  readonly service?: string;
  readonly outcome?: Outcome;
  readonly done?: boolean;
}

export async function giveOrder(ctl: Ctl, action: Exclude<CommandAction, 'signal'>): Promise<ExitCode> {
  const wait = ctl.options['no-wait'] !== true;
  if (ctl.options.wait === true && !wait) throw new ConfigError('--wait and --no-wait: give one of them');
  if (ctl.options.rolling === true) return giveRolloutOrder(ctl, 'restart', ctl.operands);
  const begun = ctl.clock.now();
  const code = await sendCommand(ctl, ctl.operands, {
    action,
    services: ctl.operands,
    wait,
    cascade: ctl.options.cascade === true,
  });
  if (code !== 0 || ctl.options.wait !== true) return code;
  const left = Math.max(0, timeoutOf(ctl.options.timeout) - (ctl.clock.now() - begun));
  return untilStable(ctl, { services: ctl.operands, rollouts: [] }, left);
}

export async function sendSignal(ctl: Ctl): Promise<ExitCode> {
  const [signal = '', ...services] = ctl.operands;
  const last = services.at(-1) ?? '';
  if (!readSignal(signal).ok && readSignal(last).ok) {
    const right = [last, signal, ...services.slice(0, -1)].join(' ');
    throw new ConfigError(`the signal comes first: opsd ctl signal ${sanitised(right)}`);
  }
  return sendCommand(ctl, services, { action: 'signal', services, signal });
}

/** A rollout command; each service answers when its rollout is over. */
export async function giveRolloutOrder(
  ctl: Ctl,
  action: RolloutAction,
  services: readonly string[],
): Promise<ExitCode> {
  return sendCommand(ctl, services, { action, services, wait: ctl.options['no-wait'] !== true }, ROLLOUTS);
}

const ORDERS = '/api/v1/orders';
const ROLLOUTS = '/api/v1/rollouts';

/** The run of a job and a rollout may take hours: they are waited for without a limit unless --timeout is given. */
function hasNoLimit(order: object, to: string): boolean {
  return to === ROLLOUTS || ('action' in order && order.action === 'run');
}

async function sendCommand(ctl: Ctl, patterns: readonly string[], order: object, to = ORDERS): Promise<ExitCode> {
  const { client, terminal, clock, options } = ctl;
  const timeout =
    hasNoLimit(order, to) && options.timeout === undefined ? Number.POSITIVE_INFINITY : timeoutOf(options.timeout);
  const { services: named } = await readStatus(client, patterns);
  const waiting = new Set(named.map(({ name }) => (to === ROLLOUTS ? configuredName(name) : name)));
  if (waiting.size === 0) terminal.err('opsd: there are no services; see: opsd ctl status\n');

  const late = new AbortController();
  using alarm = clock.alarm(() => late.abort());
  if (timeout !== Number.POSITIVE_INFINITY) alarm.set(timeout);
  const aborted = AbortSignal.any([terminal.interrupt, late.signal]);
  using reply = await client.stream('POST', to, order);
  using _progress = showProgress(ctl, () => [...waiting]);
  let code: ExitCode = 0;
  const lines = linesOf(reply);
  for (;;) {
    const next = await orAborted(lines.next(), aborted);
    if (next === null) break;
    if (next.done) throw new RuntimeError(`opsd ended before the command was finished for: ${brief(waiting)}`);
    const line = parseAnswer(next.value, client.socketPath) as Line;
    if (line.done === true) return code;
    if (line.service === undefined || line.outcome === undefined) continue;
    waiting.delete(line.service);
    code = worseExitCode(code, line.outcome);
    printOutcome(ctl, line.service, line.outcome);
  }
  if (terminal.interrupt.aborted)
    throw new RuntimeError(`no longer waiting; opsd carries on with the command for ${brief(waiting)}`);
  const { services } = await readStatus(client, [...waiting]);
  const told = services.slice(0, 10).map(({ name, state }) => `${name} (${state})`);
  throw new RuntimeError(
    `timed out after ${span(timeout)}: ${told.join(', ')}; opsd carries on with the command. Wait longer with --timeout, or ask: opsd ctl why ${services[0]?.name}`,
  );
}

/** A usage error (`run` of a service that is no job) exits 1, unless another service failed, which exits 2. */
function worseExitCode(code: ExitCode, outcome: Outcome): ExitCode {
  if (outcome.ok || code === 2) return code;
  return outcome.code === 'no_job' ? 1 : 2;
}

function printOutcome({ terminal }: Ctl, service: string, outcome: Outcome): void {
  const text = sanitised(outcome.message);
  const told = isNamedIn(text, service) ? text : `${service}: ${text}`;
  if (outcome.ok) terminal.out(`${paint(terminal, 'green', told)}\n`);
  else terminal.err(`${terminal.errIsTty ? paint(terminal, 'red', told) : told}\n`);
}

/** Whether the message names its service at the beginning; a name in the remedy at the end does not count. */
function isNamedIn(text: string, service: string): boolean {
  const [beginning = ''] = text.split(/[:;]/, 1);
  return beginning.split(/[\s,()]+/).includes(service);
}

function brief(names: ReadonlySet<string>): string {
  const all = [...names];
  return `${all.slice(0, 10).join(', ')}${all.length > 10 ? ` and ${all.length - 10} more` : ''}`;
}
