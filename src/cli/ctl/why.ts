// `opsd ctl why`: the cause of a service's state, the evidence, what opsd does next, and commands that help.

import type { WhyView } from '../../api/why.ts';
import { ConfigError } from '../../errors.ts';
import { ago } from '../../runtime/wall-time.ts';
import { sanitised } from '../../text/harmless.ts';
import { span } from '../../text/quantities.ts';
import { readStatus } from '../client/api.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { COLOURS } from '../show/state-word.ts';
import { paint, type Terminal } from '../show/terminal.ts';

/** Each service costs a request of its own. */
const MOST = 100;

export async function showWhy({ client, terminal, clock, operands, options }: Ctl): Promise<ExitCode> {
  const { services } = await readStatus(client, operands);
  if (services.length > MOST) {
    throw new ConfigError(`why explains at most ${MOST} services at once, not ${services.length}; name fewer`);
  }
  const all: WhyView[] = [];
  for (const { name } of services) {
    all.push((await client.get(`/api/v1/services/${encodeURIComponent(name)}/why`)) as WhyView);
  }
  // JSON is one object for the exact name of one service, and a list for everything that may select several.
  const json = all.length === 1 && all[0]?.service === operands[0] ? all[0] : all;
  const texts = all.map((why) => whyText(why, terminal, clock.unix()));
  terminal.out(options.json === true ? `${JSON.stringify(json, null, 2)}\n` : texts.join('\n\n'));
  return 0;
}

function whyText(why: WhyView, look: Pick<Terminal, 'hasColours'>, now: number): string {
  const heading = (text: string) => `\n${paint(look, 'bold', text)}\n`;
  const width = why.evidence.reduce((most, { label }) => Math.max(most, label.length), 0);
  const state = paint(look, COLOURS[why.state], why.state);
  const inMillis = why.next_at === null ? null : Math.max(0, -ago(why.next_at, now));
  return [
    `${sanitised(why.summary)}\n`,
    `${paint(look, 'dim', 'state')} ${state} ${paint(look, 'dim', `for ${span(ago(why.since, now))}`)}\n`,
    ...(why.evidence.length > 0 ? [heading('Evidence')] : []),
    ...why.evidence.map(({ label, text }) => `  ${paint(look, 'dim', label.padEnd(width))}  ${sanitised(text)}\n`),
    ...(why.last_lines.length > 0 ? [heading('Last lines of output')] : []),
    ...why.last_lines.map((line) => `  ${paint(look, 'dim', '|')} ${sanitised(line)}\n`),
    heading('Next'),
    `  ${sanitised(why.next)}${inMillis === null ? '' : ` in ${span(inMillis)}`}\n`,
    ...(why.commands.length > 0 ? [heading('What would help')] : []),
    ...why.commands.map((command) => `  ${paint(look, 'cyan', sanitised(command))}\n`),
  ].join('');
}
