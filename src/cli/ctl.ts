// `opsd ctl …`: which code answers which command. Each is loaded only when it is the one.

import { join, resolve } from 'node:path';
import { ConfigError } from '../errors.ts';
import { type Client, newClient } from './client.ts';
import type { Parsed } from './commands.ts';
import { PATIENCE } from './patience.ts';
import type { Terminal } from './terminal.ts';

export type ExitCode = 0 | 1 | 2;

/** What a ctl command works with. */
export interface Ctl {
  readonly client: Client;
  readonly terminal: Terminal;
  readonly operands: readonly string[];
  readonly options: Parsed['options'];
}

export async function runCtl(
  { command, operands, options }: Parsed,
  terminal: Terminal,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ExitCode> {
  const { timeout } = options;
  const patience = timeout === undefined ? PATIENCE : (await import('./limits.ts')).patienceOf(timeout);
  using client = newClient(socketPath(options.socket, env), patience, terminal.enough);
  return await obey(command.path[1] ?? '', { client, terminal, operands, options });
}

async function obey(name: string, ctl: Ctl): Promise<ExitCode> {
  switch (name) {
    case 'status':
      return (await import('./status-command.ts')).showStatus(ctl);
    case 'start':
    case 'stop':
    case 'restart':
    case 'run':
    case 'reset':
      return (await import('./order-commands.ts')).giveOrder(ctl, name);
    case 'rollout':
      return (await import('./rollout-command.ts')).rollout(ctl);
    case 'scale':
      return (await import('./scale-command.ts')).scale(ctl);
    case 'signal':
      return (await import('./order-commands.ts')).sendSignal(ctl);
    case 'graph':
      return (await import('./graph-command.ts')).showGraph(ctl);
    case 'reload':
      return (await import('./reload-command.ts')).reload(ctl);
    case 'logs':
      return (await import('./logs-command.ts')).showLogs(ctl);
    case 'why':
      return (await import('./why-command.ts')).showWhy(ctl);
    case 'events':
      return (await import('./events-command.ts')).showEvents(ctl);
    case 'top':
      return (await import('./top-command.ts')).showTop(ctl);
    case 'wait':
      return (await import('./wait-command.ts')).waitFor(ctl);
    case 'handover':
    case 'shutdown':
      return (await import('./end-commands.ts')).endDaemon(ctl, name);
    default:
      throw new ConfigError(`there is no command 'opsd ctl ${name}'; see them with: opsd help ctl`);
  }
}

function socketPath(given: string | boolean | undefined, env: Readonly<Record<string, string | undefined>>): string {
  return typeof given === 'string' ? resolve(given) : resolve(join(env.PREFIX || '/srv', 'run', 'opsd.sock'));
}
