// A real opsd in a folder of its own, for tests that look at it from outside, and nothing left of it afterwards.

import { strict as assert } from 'node:assert';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { EventView } from '../../src/api/events.ts';
import type { ServiceView, StatusView } from '../../src/api/services.ts';
import type { StateName } from '../../src/core/model/states.ts';
import { ask, freePort, type Reply } from './requests.ts';
import { scratch } from './scratch.ts';
import { endSurvivors, procFile, survivorsOf } from './survivors.ts';
import { waitFor } from './wait.ts';

/** OPSD_MAIN: another build of opsd to test, such as dist/main.js. */
const MAIN = resolve(import.meta.dirname, '../..', process.env.OPSD_MAIN ?? 'src/main.ts');
/** A daemon that takes longer to come up, or to end by SIGTERM, is broken. */
const LIMIT_MS = 20_000;
const COMMAND_LIMIT_MS = 60_000;

export interface OpsdOptions {
  /** The text of cfg/config.toml. */
  readonly config: string;
  /** More environment for opsd, which starts with next to none. */
  readonly env?: Readonly<Record<string, string>>;
  /** Path below the folder to text. `p` is PREFIX; p/key is for opsd alone; scripts (`#!`) and what is in bin are executable. */
  readonly files?: Readonly<Record<string, string>>;
  /** A command in front of opsd, which it ends by executing. */
  readonly through?: readonly string[];
  /** on: at a free port. Default: off. configured: as `config` says. */
  readonly http?: 'on' | 'off' | 'configured';
}

export interface Finished {
  /** null: ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** null code: ended by a signal. */
export interface End {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One daemon process. */
export interface Daemon {
  readonly pid: number;
  readonly end: Promise<End>;
  /** undefined: it lives. */
  ended(): End | undefined;
  kill(signal: NodeJS.Signals): void;
}

/** The folder an opsd works in: configuration, PREFIX `p`, and all that services write. */
export interface Place extends AsyncDisposable {
  readonly dir: string;
  readonly prefix: string;
  readonly run: string;
  /** 0: opsd does not listen. */
  readonly port: number;
  /** Runs `opsd ARGS` to its end. */
  opsd(...args: string[]): Promise<Finished>;
  ctl(...args: string[]): Promise<Finished>;
  /** The API on the control socket. */
  api(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Reply>;
  /** Starts `opsd run`, with these options; does not wait for anything. */
  spawn(...options: string[]): Daemon;
  /** What daemons here wrote to stdout and stderr. */
  log(): Promise<string>;
  /** A file below the folder; empty: there is none. */
  read(path: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
  /** Replaces cfg/config.toml; `reload` makes opsd read it. */
  configure(config: string): Promise<void>;
  /** PIDs of all processes of services, those that left their group too. */
  alive(service?: string): number[];
}

export interface Opsd extends Place {
  /** Of the daemon that was started last. */
  readonly daemon: Daemon;
  status(service: string): Promise<ServiceView>;
  /** Waits for a state, or for whatever `probe` looks for. */
  until(service: string, want: StateName | ((view: ServiceView) => boolean), limitMs?: number): Promise<ServiceView>;
  order(action: 'start' | 'stop' | 'restart' | 'run' | 'reset', service: string): Promise<Reply>;
  reload(): Promise<Reply>;
  /** To the daemon. */
  kill(signal: NodeJS.Signals): void;
  /** kill -9, and the wait for its end. */
  crash(): Promise<void>;
  /** SIGTERM, and the wait for its end. Fails if anything is left. */
  stop(): Promise<void>;
  /** A new daemon on the same PREFIX, after the end of the last one. */
  restart(): Promise<void>;
  /** Changes of state since the daemon started: `running>stopping operator`. */
  changes(service: string): Promise<string[]>;
  /** What the service wrote. */
  output(service: string): Promise<string>;
  /** Waits until the text, or the log, matches. */
  logged(pattern: RegExp, limitMs?: number): Promise<RegExpMatchArray>;
}

export async function prepareOpsd(options: OpsdOptions): Promise<Place> {
  const folder = await scratch();
  const dir = folder.path;
  const prefix = join(dir, 'p');
  const run = join(prefix, 'run');
  const port = options.http === 'on' ? await freePort() : 0;
  const http = options.http === 'configured' ? {} : { OPSD__DAEMON__HTTP: port === 0 ? '' : `127.0.0.1:${port}` };
  const env = { PATH: process.env.PATH, PREFIX: prefix, ...http, ...options.env };
  const daemons: ChildProcess[] = [];
  const write = async (path: string, text: string) => {
    const file = join(dir, path);
    const isKey = path.startsWith('p/key/');
    const isProgram = path.startsWith('bin/') || text.startsWith('#!');
    await mkdir(dirname(file), { recursive: true, mode: isKey ? 0o700 : 0o755 });
    await writeFile(file, text, { mode: isKey ? 0o600 : isProgram ? 0o755 : 0o644 });
  };
  const opsd = (...args: string[]) =>
    new Promise<Finished>((finish) => {
      const command = [MAIN, ...args];
      execFile(process.execPath, command, { cwd: dir, env, timeout: COMMAND_LIMIT_MS }, (error, stdout, stderr) => {
        finish({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, stdout, stderr });
      });
    });
  await write('cfg/config.toml', options.config);
  for (const [path, text] of Object.entries(options.files ?? {})) await write(path, text);
  return {
    dir,
    prefix,
    run,
    port,
    opsd,
    ctl: (...args) => opsd('ctl', ...args),
    api: (method, path, body) => ask({ socketPath: join(run, 'opsd.sock') }, method, path, body),
    spawn(...flags) {
      const out = openSync(join(dir, 'opsd.out'), 'a');
      const [file, ...args] = [...(options.through ?? []), process.execPath, MAIN, 'run', ...flags];
      assert.ok(file);
      const child = spawn(file, args, { cwd: dir, env, stdio: ['ignore', out, out] });
      closeSync(out);
      daemons.push(child);
      return daemonOf(child);
    },
    log: () => textOf(join(dir, 'opsd.out')),
    read: (path) => textOf(join(dir, path)),
    write,
    configure: (config) => write('cfg/config.toml', config),
    alive: (service) => survivorsOf(run, service),
    async [Symbol.asyncDispose]() {
      for (const child of daemons) child.kill('SIGKILL');
      await Promise.all(daemons.map((child) => daemonOf(child).end));
      await endSurvivors(run);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Starts opsd and waits until it answers. */
export async function startOpsd(options: OpsdOptions): Promise<Opsd> {
  await using stack = new AsyncDisposableStack();
  const place = stack.use(await prepareOpsd(options));
  let daemon = await started(place);
  const status = async (service: string): Promise<ServiceView> => {
    const { body } = await place.api('GET', `/api/v1/services/${service}`);
    return JSON.parse(body).service;
  };
  const explained = async <T>(result: Promise<T>): Promise<T> => {
    try {
      return await result;
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}; its log ends:\n${await tail(place)}`);
    }
  };
  const stop = async () => {
    daemon.kill('SIGTERM');
    const end = await explained(waitFor('the end of opsd after SIGTERM', daemon.ended, LIMIT_MS));
    assert.deepEqual(end, { code: 0, signal: null }, `how opsd ended; its log ends:\n${await tail(place)}`);
    assert.deepEqual(describe(place.alive()), [], 'processes of services that opsd left');
    const left = (await readdir(place.run)).filter((name) => /\.(pid|sock)$/.test(name));
    assert.deepEqual(left, [], 'files that opsd left in its run directory');
  };
  const owned = stack.move();
  return {
    ...place,
    get daemon() {
      return daemon;
    },
    status,
    until(service, want, limitMs) {
      const what = `${service} ${typeof want === 'string' ? want : 'as wanted'}`;
      const probe = async () => {
        const view = await status(service);
        return (typeof want === 'string' ? view?.state === want : view && want(view)) && view;
      };
      return explained(waitFor(what, probe, limitMs));
    },
    order: (action, service) => place.api('POST', `/api/v1/services/${service}/${action}`),
    reload: () => place.api('POST', '/api/v1/reload'),
    kill: (signal) => daemon.kill(signal),
    async crash() {
      daemon.kill('SIGKILL');
      await daemon.end;
    },
    stop,
    async restart() {
      await explained(waitFor('the end of the last daemon', daemon.ended, LIMIT_MS));
      daemon = await started(place);
    },
    async changes(service) {
      const { body } = await place.api('GET', `/api/v1/services/${service}/events`);
      const events: readonly EventView[] = JSON.parse(body).events;
      return events.map(({ from, to, reason }) => `${from}>${to} ${reason}`);
    },
    output: (service) => place.read(`log/${service}.log`),
    logged: (pattern, limitMs) =>
      explained(waitFor(`the log line ${pattern}`, async () => (await place.log()).match(pattern), limitMs)),
    async [Symbol.asyncDispose]() {
      await using _all = owned;
      if (daemon.ended() !== undefined) return;
      try {
        await stop();
      } catch (error) {
        // The runner prints only that an error was suppressed when the test has failed before.
        console.error(error);
        throw error;
      }
    },
  };
}

async function started(place: Place): Promise<Daemon> {
  const daemon = place.spawn();
  const probe = async () => {
    const end = daemon.ended();
    if (end) throw new Error(`opsd did not start (${end.code ?? end.signal}):\n${await tail(place)}`);
    return existsSync(join(place.run, 'opsd.sock')) && (await isServedBy(place, daemon.pid));
  };
  await waitFor('opsd to answer', probe, LIMIT_MS);
  return daemon;
}

/** And not by the daemon before it. */
async function isServedBy(place: Place, pid: number): Promise<boolean> {
  try {
    const { body } = await place.api('GET', '/api/v1/services');
    const view: StatusView = JSON.parse(body);
    return view.daemon.pid === pid;
  } catch {
    return false;
  }
}

function daemonOf(child: ChildProcess): Daemon {
  const ended = (): End | undefined =>
    child.exitCode === null && child.signalCode === null
      ? undefined
      : { code: child.exitCode, signal: child.signalCode };
  const end = new Promise<End>((finish) => {
    const already = ended();
    if (already) finish(already);
    else child.once('exit', (code, signal) => finish({ code, signal }));
  });
  assert.ok(child.pid, 'opsd could not even be spawned');
  return { pid: child.pid, end, ended, kill: (signal) => void child.kill(signal) };
}

async function tail(place: Place): Promise<string> {
  return (await place.log()).slice(-4_000);
}

async function textOf(path: string): Promise<string> {
  return existsSync(path) ? await readFile(path, 'utf8') : '';
}

function describe(pids: readonly number[]): string[] {
  return pids.map((pid) => `${pid} ${procFile(pid, 'cmdline').replaceAll('\0', ' ')}`);
}
