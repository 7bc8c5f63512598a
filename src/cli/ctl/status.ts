// `opsd ctl status`: the services as a table or as JSON, once or continuously.

import type { StatusView } from '../../api/services.ts';
import { readStatus } from '../client/api.ts';
import { pause } from '../client/pause.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { driftOf } from '../show/drift.ts';
import { describeRefused } from '../show/refused-files.ts';
import { isUp } from '../show/state-word.ts';
import { statusSummary, statusTable } from '../show/status-table.ts';
import { paint } from '../show/terminal.ts';

const EMPTY = `opsd supervises no services yet.
Add one to the configuration, for example:

  [services.web]
  command = ["node", "server.js"]

then run: opsd ctl reload
`;
const WATCH_EVERY = 1_000;

export async function showStatus(ctl: Ctl): Promise<ExitCode> {
  if (ctl.options.watch === true) return watch(ctl);
  const status = await readStatus(ctl.client, ctl.operands);
  ctl.terminal.out(ctl.options.json === true ? `${JSON.stringify(status, null, 2)}\n` : page(ctl, status));
  return ctl.operands.length === 0 || status.services.every(isUp) ? 0 : 2;
}

function page({ terminal, clock }: Ctl, status: StatusView): string {
  if (status.services.length === 0) return EMPTY;
  const now = clock.unix();
  const table = statusTable(status, { columns: terminal.columns(), hasColours: terminal.hasColours, now });
  const told = [statusSummary(status, now), ...driftOf(status.groups)].map((line) => paint(terminal, 'dim', line));
  const refused = status.refused === null ? [] : describeRefused(status.refused);
  const alarm = refused.map((line) => paint(terminal, 'red', line));
  return `${table}\n${[...alarm, ...told].join('\n')}\n`;
}

/** On a terminal each table replaces the last one, and an opsd that ends is waited for. */
async function watch(ctl: Ctl): Promise<ExitCode> {
  const { terminal, options } = ctl;
  while (!terminal.interrupt.aborted) {
    let text: string;
    try {
      const status = await readStatus(ctl.client, ctl.operands);
      text = options.json === true ? `${JSON.stringify(status)}\n` : page(ctl, status);
    } catch (error) {
      if (terminal.interrupt.aborted) break;
      if (!terminal.outIsTty || !(error instanceof Error)) throw error;
      text = `${paint(terminal, 'red', error.message)}\n`;
    }
    terminal.out(terminal.outIsTty ? `\u001b[H\u001b[2J${text}` : text);
    await pause(WATCH_EVERY, terminal.interrupt, ctl.clock);
  }
  return 0;
}
