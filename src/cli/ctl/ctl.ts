// `opsd ctl …`: runs the module of the command; only that module is loaded.

import { ConfigError } from '../../errors.ts';
import { plainPath } from '../../os/trust/plain-path.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Parsed } from '../arguments/commands.ts';
import { newClient } from '../client/client.ts';
import { PATIENCE } from '../client/silence.ts';
import type { Ctl, ExitCode } from '../command.ts';
import type { Terminal } from '../show/terminal.ts';

export async function runCtl(
  { command, operands, options }: Parsed,
  terminal: Terminal,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
): Promise<ExitCode> {
  const { timeout } = options;
  const patience = timeout === undefined ? PATIENCE : (await import('../arguments/limits.ts')).patienceOf(timeout);
  using client = newClient(socketPath(options.socket, env), clock, patience, terminal.interrupt);
  return await runCommand(command.path[1] ?? '', { client, terminal, clock, operands, options });
}

async function runCommand(name: string, ctl: Ctl): Promise<ExitCode> {
  switch (name) {
    case 'status':
      return (await import('./status.ts')).showStatus(ctl);
    case 'start':
    case 'stop':
    case 'restart':
    case 'run':
    case 'reset':
      return (await import('./services.ts')).giveOrder(ctl, name);
    case 'rollout':
      return (await import('./rollout.ts')).rollout(ctl);
    case 'scale':
      return (await import('./scale.ts')).scale(ctl);
    case 'signal':
      return (await import('./services.ts')).sendSignal(ctl);
    case 'graph':
      return (await import('./graph.ts')).showGraph(ctl);
    case 'reload':
      return (await import('./reload.ts')).reload(ctl);
    case 'logs':
      return (await import('./logs.ts')).showLogs(ctl);
    case 'why':
      return (await import('./why.ts')).showWhy(ctl);
    case 'events':
      return (await import('./events.ts')).showEvents(ctl);
    case 'top':
      return (await import('../top/command.ts')).showTop(ctl);
    case 'wait':
      return (await import('./wait.ts')).waitFor(ctl);
    case 'handover':
      return (await import('./end.ts')).handover(ctl);
    case 'shutdown':
      return (await import('./end.ts')).shutdown(ctl);
    default:
      throw new ConfigError(`there is no command 'opsd ctl ${name}'; see them with: opsd help ctl`);
  }
}

function socketPath(given: string | boolean | undefined, env: Readonly<Record<string, string | undefined>>): string {
  return plainPath(process.cwd(), typeof given === 'string' ? given : `${env.PREFIX || '/srv'}/run/opsd.sock`);
}
