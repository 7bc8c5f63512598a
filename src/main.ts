// The entry of the program: runs the command that the arguments name, and exits with its exit code.

import { readFileSync, realpathSync, statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { Parsed } from './cli/arguments/commands.ts';
import type { Terminal } from './cli/show/terminal.ts';
import { SignalCommands } from './daemon/signals.ts';
import { isJournal, withPriority } from './os/own-log/journal.ts';

// Before everything else: from here on a signal to the daemon is a command and does not end it, however long the other
// modules take to load. SIGUSR1 never opens Node's debugger, through which any user of this host could act as this one.
const signalOrders = process.argv[2] === 'run' ? new SignalCommands() : null;
process.on('SIGUSR1', () => undefined);

// Node's compile cache lives in a folder where no other user can put code for opsd to run.
const isBuilt = basename(import.meta.dirname) === 'dist';
const places = [join(process.env.PREFIX || '/srv', 'data', 'opsd'), ...(isBuilt ? [import.meta.dirname] : [])];
const cache = places.find(isOurs);
if (cache !== undefined) enableCompileCache(join(cache, '.compile-cache'));

// Loaded only now: a static import would be compiled before the compile cache is enabled.
const { codeOf, ConfigError, RuntimeError } = await import('./errors.ts');
const { parsePlain } = await import('./cli/arguments/parse.ts');

/** Masks secrets in the message of a crash; the daemon replaces it once it knows the secrets. */
let hide = (text: string): string => text;

// Node's own exit code would be 1, which means "configuration error": systemd would not start opsd again.
for (const kind of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(kind, (error) => process.exit(printBug(error)));
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
    return await printFailure(error);
  }
}

async function run(parsed: Parsed): Promise<number> {
  const { command, options } = parsed;
  const config = typeof options.config === 'string' ? options.config : undefined;
  const output = {
    stdout: (text: string) => write('stdout', text),
    stderr: (text: string) => write('stderr', text),
  };
  // The only place that asks the host for the time: every other module is handed this clock.
  const { systemClock: clock } = await import('./runtime/system-clock.ts');
  const world = { env: process.env, workDir: process.cwd(), program: import.meta.filename, clock };
  const place = {
    ...(config === undefined ? {} : { config }),
    ...(typeof options.cwd === 'string' ? { cwd: options.cwd } : {}),
  };
  // The daemon handles the errors of its own log output.
  if (command.path[0] !== 'run') watchOutput();
  switch (command.path[0]) {
    case 'run': {
      using orders = signalOrders ?? new SignalCommands();
      // Disks that do not answer hold up to eight threads of the pool; Node's default is four threads.
      process.env.UV_THREADPOOL_SIZE ??= '12';
      // The daemon allocates few short-lived objects: a small young generation of V8 saves 15 MB with 100 services.
      setFlagsFromString('--max-semi-space-size=1');
      setFlagsFromString('--semi-space-growth-factor=1');
      const { isThreadHanging } = await import('./os/watch/background-stat.ts');
      const { leaveAtOnce } = await import('./os/proc/leave-at-once.ts');
      const { runDaemon } = await import('./daemon/daemon.ts');
      const prefix = process.env.PREFIX || '/srv';
      // process.exit: a handle that a library left open must not keep the finished daemon alive.
      const code = await runDaemon({
        configFile: config ?? 'cfg/config.toml',
        prefix,
        version: version(),
        program: world.program,
        orders,
        clock,
        isStrict: options.strict === true,
        stopsAll: options['stop-all'] === true,
        onSecrets(masks) {
          hide = (text) => masks.hide(text);
        },
      });
      if (isThreadHanging()) leaveAtOnce(code);
      return process.exit(code);
    }
    case 'check':
      return (await import('./cli/config-commands.ts')).runCheck(
        {
          deploy: options.deploy === true,
          ...(typeof options.host === 'string' ? { host: options.host } : {}),
          ...place,
        },
        output,
        world,
      );
    case 'config': {
      const { runConfig } = await import('./cli/config-commands.ts');
      const flags = { explain: options.explain === true, json: options.json === true };
      return runConfig({ ...flags, ...place }, output, world);
    }
    case 'schema':
      return (await import('./cli/config-commands.ts')).runSchema(output);
    default: {
      const { runCtl } = await import('./cli/ctl/ctl.ts');
      return await runCtl(parsed, openTerminal(), process.env, clock);
    }
  }
}

async function printFailure(error: unknown): Promise<number> {
  if (!(error instanceof ConfigError) && !(error instanceof RuntimeError)) {
    const { describeRefusal } = await import('./cli/show/refusal.ts');
    const refusal = describeRefusal(error);
    if (refusal === null) return printBug(error);
    tellFailure(`opsd: ${hide(refusal)}\n`);
    return 2;
  }
  tellFailure(`opsd: ${hide(error.message)}\n`);
  if (error instanceof ConfigError && error.problems.length > 0) {
    const { formatProblems } = await import('./config/report/problems.ts');
    tellFailure(`${formatProblems(error.problems)}\n`);
  }
  return error.exitCode;
}

/** In the journal, each line is an error. */
function tellFailure(text: string): void {
  write('stderr', isJournal(2, process.env.JOURNAL_STREAM) ? withPriority(text, 'error') : text);
}

/** Prints a bug of opsd itself with its stack; returns the exit code of a runtime error. */
function printBug(error: unknown): 2 {
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  tellFailure(`CRITICAL opsd failed because of a bug in opsd; services keep running: ${hide(what)}\n`);
  return 2;
}

/** An error of a write to a file is thrown by Node; one of a pipe or terminal comes as an event (watchOutput). */
function write(to: 'stdout' | 'stderr', text: string | Uint8Array): void {
  try {
    process[to].write(text);
  } catch (error) {
    exitOnOutputError(to, error);
  }
}

function watchOutput(): void {
  for (const name of ['stdout', 'stderr'] as const) {
    if (process[name].listenerCount('error') === 0)
      process[name].on('error', (error) => exitOnOutputError(name, error));
  }
}

/** Ends the command: its output cannot be written. Silent after EPIPE, when the reader (head, less) has ended. */
function exitOnOutputError(name: 'stdout' | 'stderr', error: unknown): never {
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
  // Runs before the listener of watchOutput exits: `ctl top` has to restore the terminal first.
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

/** The folder exists, belongs to the current user, and no other user can write to it or replace it through a parent. */
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
    // The folder does not exist, or this user may not enter one of its parents.
    return false;
  }
}
