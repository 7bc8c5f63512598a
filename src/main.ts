// From the command line to a command, and from what came of it to an exit code.

import { readFileSync, realpathSync, statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { Parsed } from './cli/arguments/commands.ts';
import type { Terminal } from './cli/show/terminal.ts';
import { SignalCommands } from './daemon/signals.ts';

// First of all: from here on a signal to the daemon is an order, not the end, however long the rest takes to load. And
// SIGUSR1 does to no command what Node does by it: open a debugger, through which every user of this host could be us.
const signalOrders = process.argv[2] === 'run' ? new SignalCommands() : null;
process.on('SIGUSR1', () => undefined);

// What was compiled once is kept, in a place where nobody else can put code for us to run.
const isBuilt = basename(import.meta.dirname) === 'dist';
const places = [join(process.env.PREFIX || '/srv', 'data', 'opsd'), ...(isBuilt ? [import.meta.dirname] : [])];
const cache = places.find(isOurs);
if (cache !== undefined) enableCompileCache(join(cache, '.compile-cache'));

// Only now: an import above would be compiled before there is a cache.
const { codeOf, ConfigError, RuntimeError } = await import('./errors.ts');
const { parsePlain } = await import('./cli/arguments/parse.ts');

/** Takes out of last words what is secret. */
let hide = (text: string): string => text;

// Node would exit 1, which says "configuration error", and systemd would not start opsd again.
for (const kind of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(kind, (error) => process.exit(tellBug(error)));
}

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  try {
    const parsed = parsePlain(argv);
    if (parsed !== null) return await run(parsed);
    watchOutput();
    const { explainUsage } = await import('./cli/arguments/usage.ts');
    const usage = explainUsage(argv, version());
    if (usage.kind === 'parsed') return await run(usage.parsed);
    write(usage.kind === 'told' ? 'stdout' : 'stderr', usage.text);
    return usage.kind === 'told' ? 0 : 1;
  } catch (error) {
    return await tellFailure(error);
  }
}

async function run(parsed: Parsed): Promise<number> {
  const { command, options } = parsed;
  const config = typeof options.config === 'string' ? options.config : undefined;
  const output = {
    stdout: (text: string) => write('stdout', text),
    stderr: (text: string) => write('stderr', text),
  };
  // The daemon writes its log in its own way.
  if (command.path[0] !== 'run') watchOutput();
  switch (command.path[0]) {
    case 'run': {
      using orders = signalOrders ?? new SignalCommands();
      // Disks that do not answer hold threads; Node would have four.
      process.env.UV_THREADPOOL_SIZE ??= '8';
      // The daemon makes little that lives short: a young generation that stays small saves 15 MB with 100 services.
      setFlagsFromString('--max-semi-space-size=1');
      setFlagsFromString('--semi-space-growth-factor=1');
      const { isThreadHanging } = await import('./os/watch/background-looks.ts');
      const { leaveAtOnce } = await import('./os/proc/leave-at-once.ts');
      const { runDaemon } = await import('./daemon/daemon.ts');
      const prefix = process.env.PREFIX || '/srv';
      // Whatever a library left open must not keep a daemon from ending that has done all it had to.
      const code = await runDaemon({
        configFile: config ?? 'cfg/config.toml',
        prefix,
        version: version(),
        orders,
        onSecrets(masks) {
          hide = (text) => masks.hide(text);
        },
      });
      if (isThreadHanging()) leaveAtOnce(code);
      return process.exit(code);
    }
    case 'check':
      return (await import('./cli/config-commands.ts')).runCheck(
        { deploy: options.deploy === true, ...(config === undefined ? {} : { config }) },
        output,
      );
    case 'config': {
      const { runConfig } = await import('./cli/config-commands.ts');
      const flags = { explain: options.explain === true, json: options.json === true };
      return runConfig(config === undefined ? flags : { ...flags, config }, output);
    }
    case 'schema':
      return (await import('./cli/config-commands.ts')).runSchema(output);
    default: {
      const { runCtl } = await import('./cli/ctl/ctl.ts');
      return await runCtl(parsed, openTerminal(), process.env);
    }
  }
}

async function tellFailure(error: unknown): Promise<number> {
  if (!(error instanceof ConfigError) && !(error instanceof RuntimeError)) {
    const { describeRefusal } = await import('./cli/show/refusal.ts');
    const refusal = describeRefusal(error);
    if (refusal === null) return tellBug(error);
    write('stderr', `opsd: ${hide(refusal)}\n`);
    return 2;
  }
  write('stderr', `opsd: ${hide(error.message)}\n`);
  if (error instanceof ConfigError && error.problems.length > 0) {
    const { formatProblems } = await import('./config/report/problems.ts');
    write('stderr', `${formatProblems(error.problems)}\n`);
  }
  return error.exitCode;
}

/** A bug of opsd itself: all that is known, and the exit code of what went wrong at work. */
function tellBug(error: unknown): 2 {
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`CRITICAL opsd failed by a bug of its own; services run on: ${hide(what)}\n`);
  return 2;
}

/** To a file, Node throws what goes wrong; to a pipe and a terminal, it is told as an event. */
function write(to: 'stdout' | 'stderr', text: string): void {
  try {
    process[to].write(text);
  } catch (error) {
    endForOutput(to, error);
  }
}

function watchOutput(): void {
  for (const name of ['stdout', 'stderr'] as const) {
    if (process[name].listenerCount('error') === 0) process[name].on('error', (error) => endForOutput(name, error));
  }
}

/** What nobody can read need not be worked out. Silent where whoever read it (head, less) is gone. */
function endForOutput(name: 'stdout' | 'stderr', error: unknown): never {
  if (codeOf(error) === 'EPIPE') process.exit();
  // `ENOSPC: no space left on device, write`
  const [, code, what] = (error instanceof Error && /^(E[A-Z0-9]+): (.*), \w+$/.exec(error.message)) || [];
  const told = code === undefined ? String(error) : `${what} (${code})`;
  try {
    if (name !== 'stderr') process.stderr.write(`opsd: cannot write to ${name}: ${told}\n`);
  } finally {
    process.exit(2);
  }
}

function openTerminal(): Terminal {
  const enough = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => enough.abort());
  // Before the end that watchOutput makes: whoever shows a screen puts the terminal back.
  for (const stream of [process.stdout, process.stderr]) stream.prependListener('error', () => enough.abort());
  return {
    out: (text) => write('stdout', text),
    err: (text) => write('stderr', text),
    outIsTty: process.stdout.isTTY === true,
    errIsTty: process.stderr.isTTY === true,
    columns: () => (process.stdout.isTTY ? process.stdout.columns : null),
    hasColours: process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb',
    interrupt: enough.signal,
  };
}

function version(): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8'));
  return version;
}

/** A folder that is there, belongs to who runs this, and that nobody else can write to, or replace from a folder above. */
function isOurs(path: string): boolean {
  try {
    const real = realpathSync(path);
    const us = process.geteuid?.();
    const { uid, mode } = statSync(real);
    if (uid !== us || (mode & 0o022) !== 0) return false;
    for (let above = dirname(real); ; above = dirname(above)) {
      const found = statSync(above);
      if (found.uid !== us && found.uid !== 0) return false;
      if ((found.mode & 0o022) !== 0 && (found.mode & 0o1000) === 0) return false;
      if (above === '/') return true;
    }
  } catch {
    // It is not there, or behind a folder that is closed to who runs this.
    return false;
  }
}
