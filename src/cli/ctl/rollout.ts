// `opsd ctl rollout`: shows the progress of rollouts, rolls them back, or tries them again.

import type { RolloutView } from '../../api/rollouts.ts';
import { ConfigError } from '../../errors.ts';
import { ago } from '../../runtime/wall-time.ts';
import { sanitised } from '../../text/harmless.ts';
import { span } from '../../text/quantities.ts';
import { readRollouts } from '../client/api.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { COLOURS } from '../show/state-word.ts';
import { type Colour, paint, type Terminal } from '../show/terminal.ts';
import { giveRolloutOrder } from './services.ts';

const NONE = `there was no rollout yet. A rollout begins with opsd ctl restart SERVICE --rolling, or with a reload that
changes a service that has several instances or the key rollout.
`;
/** The states and turns of the API in the words of an operator. */
const STATES: Readonly<Record<RolloutView['state'], { readonly text: string; readonly colour: Colour }>> = {
  going: { text: 'in progress', colour: 'yellow' },
  stopped: { text: 'stopped', colour: 'red' },
  done: { text: 'done', colour: 'green' },
};
const TURNS: Readonly<Record<RolloutView['services'][number]['turn'], string>> = {
  waiting: 'waiting',
  'under way': 'in progress',
  done: 'done',
  'as it was': 'unchanged',
  'stands in': 'surge instance',
};

export async function rollout(ctl: Ctl): Promise<ExitCode> {
  const [what = 'status', ...services] = ctl.operands;
  switch (what) {
    case 'status':
      return showRollouts(ctl, services);
    case 'undo':
    case 'retry':
      if (services.length > 0) return giveRolloutOrder(ctl, what, services);
      throw new ConfigError(`${what} which one? Name the service: opsd ctl rollout ${what} SERVICE`);
    default:
      throw new ConfigError(`expected status, undo or retry, got '${what}'; see: opsd help ctl rollout`);
  }
}

/** Exits 2 when a rollout has stopped, or was rolled back after a failure. */
async function showRollouts({ client, terminal, clock, options }: Ctl, services: readonly string[]): Promise<ExitCode> {
  const rollouts = await readRollouts(client, services);
  if (options.json === true) terminal.out(`${JSON.stringify({ version: 1, rollouts }, null, 2)}\n`);
  else if (rollouts.length === 0) terminal.out(NONE);
  else terminal.out(rollouts.map((one) => describe(terminal, one, clock.unix())).join('\n'));
  return rollouts.some(({ state, failure }) => state === 'stopped' || failure !== null) ? 2 : 0;
}

function describe(terminal: Terminal, view: RolloutView, unix: number): string {
  const { service, kind, direction, state, detail, failure, started_at, ended_at, services } = view;
  const what = kind === 'restart' ? 'rolling restart' : direction === 'back' ? 'rollback' : 'change';
  const when = ended_at === null ? `for ${span(ago(started_at, unix))}` : `${span(ago(ended_at, unix))} ago`;
  const { text, colour } = STATES[state];
  const lines = [`${paint(terminal, 'bold', service)}  ${what}, ${paint(terminal, colour, text)} ${when}`];
  lines.push(`  ${sanitised(detail)}`);
  if (failure !== null && !detail.includes(failure)) lines.push(`  because ${sanitised(failure)}`);
  const names = width(services.map(({ name }) => name));
  const turns = width(services.map(({ turn }) => TURNS[turn]));
  for (const { name, turn, state: now } of services) {
    lines.push(`  ${name.padEnd(names)}  ${TURNS[turn].padEnd(turns)}  ${paint(terminal, COLOURS[now], now)}`);
  }
  return `${lines.join('\n')}\n`;
}

function width(texts: readonly string[]): number {
  return texts.reduce((most, { length }) => Math.max(most, length), 0);
}
