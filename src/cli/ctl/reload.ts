// `opsd ctl reload`: what changes, service by service and key by key.

import { counted, formatProblems } from '../../config/report/problems.ts';
import type { Change, DaemonChange, KeyChange } from '../../core/model/changes.ts';
import type { Problem } from '../../errors.ts';
import { sanitised } from '../../text/harmless.ts';
import { configuredName } from '../../text/instance-name.ts';
import { timeoutOf } from '../arguments/limits.ts';
import { readRollouts } from '../client/api.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { type Colour, paint } from '../show/terminal.ts';
import { untilStable } from './until-stable.ts';

const KINDS: Readonly<
  Record<Change['kind'], { readonly mark: string; readonly text: string; readonly colour: Colour }>
> = {
  added: { mark: '+', text: 'added', colour: 'green' },
  removed: { mark: '-', text: 'removed', colour: 'red' },
  restarted: { mark: '~', text: 'restarted', colour: 'yellow' },
  rolled: { mark: '~', text: 'restarted by the rollout', colour: 'yellow' },
  changed: { mark: '~', text: 'changed in place', colour: 'cyan' },
  held_back: {
    mark: '!',
    text: 'cannot start so on this host; as long as it runs, it runs on as it was',
    colour: 'red',
  },
  freed: { mark: '~', text: 'can start on this host now', colour: 'green' },
  at_next_start: { mark: '~', text: 'takes effect when it is started', colour: 'cyan' },
  in_force: { mark: '=', text: 'runs with this already, no restart', colour: 'cyan' },
  rejected: { mark: '!', text: 'no restart: a rollout was rolled back from this configuration', colour: 'yellow' },
};

export async function reload(ctl: Ctl): Promise<ExitCode> {
  const { client, terminal, options } = ctl;
  const body = { dry_run: options['dry-run'] === true, allow_empty: options['allow-empty'] === true };
  const answer = await client.post('/api/v1/reload', body);
  const {
    changes,
    daemon,
    host_problems = [],
  } = answer as {
    changes: readonly Change[];
    daemon: readonly DaemonChange[];
    /** Absent from an older opsd. */
    host_problems?: readonly Problem[];
  };
  if (options.json === true) terminal.out(`${JSON.stringify(answer, null, 2)}\n`);
  else if (changes.length + daemon.length === 0)
    terminal.out(body.dry_run ? 'nothing would change\n' : 'nothing changed\n');
  else {
    for (const change of changes) {
      const { mark, text, colour } = KINDS[change.kind];
      terminal.out(`${paint(terminal, colour, `${mark} ${change.service}`)}  ${text}\n`);
      for (const key of change.keys) terminal.out(`    ${describeKey(key)}\n`);
    }
    if (daemon.length > 0) terminal.out(`${paint(terminal, 'cyan', '~ [daemon]')}  changed\n`);
    for (const change of daemon) {
      const later = change.when === 'next_opsd' ? '  (takes effect with the next opsd: opsd ctl handover)' : '';
      terminal.out(`    ${describeKey(change)}${later}\n`);
    }
    if (body.dry_run) terminal.out('\nnothing was changed; apply it with: opsd ctl reload\n');
  }
  const code = await resultOf(ctl, changes, body.dry_run);
  if (host_problems.length === 0) return code;
  const effect = `what needs it is ${body.dry_run ? 'not started' : 'started as soon as it is there'}`;
  terminal.err(
    `opsd: ${counted(host_problems, 'problem')} of this host; ${effect}\n${formatProblems(host_problems)}\n`,
  );
  return 2;
}

async function resultOf(ctl: Ctl, changes: readonly Change[], isDryRun: boolean): Promise<ExitCode> {
  if (isDryRun) return 0;
  if (ctl.options.wait === true) return untilCarriedOut(ctl, changes);
  if (ctl.options.json !== true) await printRollouts(ctl.client, ctl.terminal);
  return 0;
}

/** Waits until the started and restarted services are stable and their rollouts are over. */
async function untilCarriedOut(ctl: Ctl, changes: readonly Change[]): Promise<ExitCode> {
  const started = changes.filter(({ kind }) => kind === 'added' || kind === 'restarted').map(({ service }) => service);
  const rolled = changes.filter(({ kind }) => kind === 'rolled').map(({ service }) => service);
  const rollouts = [...new Set(rolled.map(configuredName))];
  const code = await untilStable(ctl, { services: started, rollouts }, timeoutOf(ctl.options.timeout));
  if (code === 0 && ctl.options.json !== true) {
    const count = started.length + rolled.length;
    ctl.terminal.out(count === 0 ? 'nothing had to be started\n' : `${count} started, all stable\n`);
  }
  return code;
}

function describeKey({ key, from, to }: KeyChange): string {
  const was = from === null ? '' : `${sanitised(from)} → `;
  return `${key}  ${was}${to === null ? '(not set)' : sanitised(to)}`;
}

/** Prints the rollouts in progress, and those that stopped or were rolled back. */
async function printRollouts(client: Ctl['client'], terminal: Ctl['terminal']): Promise<void> {
  for (const { service, state, direction, detail } of await readRollouts(client, [])) {
    if (state === 'going') {
      terminal.out(`\na rollout of ${service} is in progress; follow it with: opsd ctl rollout status ${service}\n`);
    } else if (state === 'stopped') {
      terminal.out(`\n${paint(terminal, 'red', `the rollout of ${service} has ${sanitised(detail)}`)}\n`);
    } else if (direction === 'back') {
      const again = `change it, or try it again with: opsd ctl rollout retry ${service}`;
      terminal.out(`\n${service} runs its previous configuration: its last change was rolled back; ${again}\n`);
    }
  }
}
