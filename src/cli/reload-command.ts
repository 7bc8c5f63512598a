// `opsd ctl reload`: the plan, service by service and key by key.

import type { Change } from '../core/reload.ts';
import type { Ctl, ExitCode } from './ctl.ts';
import { type Colour, paint, sanitise } from './terminal.ts';

const KINDS: Readonly<
  Record<Change['kind'], { readonly mark: string; readonly text: string; readonly colour: Colour }>
> = {
  added: { mark: '+', text: 'added', colour: 'green' },
  removed: { mark: '-', text: 'removed', colour: 'red' },
  restarted: { mark: '~', text: 'restarted', colour: 'yellow' },
  rolled: { mark: '~', text: 'restarted when its turn comes', colour: 'yellow' },
  changed: { mark: '~', text: 'changed in place', colour: 'cyan' },
};

export async function reload({ client, terminal, options }: Ctl): Promise<ExitCode> {
  const body = { dry_run: options['dry-run'] === true, allow_empty: options['allow-empty'] === true };
  const answer = await client.post('/api/v1/reload', body);
  const { changes } = answer as { changes: readonly Change[] };
  if (options.json === true) terminal.out(`${JSON.stringify(answer, null, 2)}\n`);
  else if (changes.length === 0) terminal.out(body.dry_run ? 'nothing would change\n' : 'nothing changed\n');
  else {
    for (const change of changes) {
      const { mark, text, colour } = KINDS[change.kind];
      terminal.out(`${paint(terminal, colour, `${mark} ${change.service}`)}  ${text}\n`);
      for (const { key, from, to } of change.keys) {
        const was = from === null ? '' : `${sanitise(from)} → `;
        terminal.out(`    ${key}  ${was}${to === null ? '(not set)' : sanitise(to)}\n`);
      }
    }
    if (body.dry_run) terminal.out('\nnothing was changed; apply it with: opsd ctl reload\n');
  }
  return 0;
}
