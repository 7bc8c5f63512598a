// A real opsd that was given listening sockets, and is started again whenever it ends: what systemd does for it.

import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import type { ServiceView, StatusView } from '../../src/api/services.ts';
import { type OpsdOptions, type Place, prepareOpsd } from './opsd.ts';
import { waitFor } from './wait.ts';

const GIVE = resolve(import.meta.dirname, 'give-sockets.pl');
const LIMIT_MS = 30_000;

export interface Activated extends AsyncDisposable {
  readonly place: Place;
  /** Of the sockets, in the order of their names. */
  readonly ports: readonly number[];
  /** null: nobody answers now. */
  status(): Promise<StatusView | null>;
  until(service: string, want: (view: ServiceView) => boolean): Promise<ServiceView>;
  /** A daemon other than this one answers. */
  next(pid: number): Promise<StatusView>;
}

export async function activate(names: readonly string[], options: OpsdOptions): Promise<Activated> {
  await using stack = new AsyncDisposableStack();
  const place = stack.use(await prepareOpsd({ ...options, through: ['perl', GIVE, 'ports', ...names, '--'] }));
  const parent = place.spawn();
  stack.defer(async () => {
    parent.kill('SIGTERM');
    const end = await waitFor('the end of opsd', parent.ended, LIMIT_MS);
    assert.deepEqual(end, { code: 0, signal: null }, (await place.log()).slice(-4_000));
  });
  const status = async (): Promise<StatusView | null> => {
    try {
      return JSON.parse((await place.api('GET', '/api/v1/services')).body);
    } catch {
      return null;
    }
  };
  await waitFor(
    'opsd to answer',
    async () => {
      const end = parent.ended();
      if (end) throw new Error(`opsd did not start (${end.code ?? end.signal}):\n${await place.log()}`);
      return await status();
    },
    LIMIT_MS,
  );
  const owned = stack.move();
  const ports = readFileSync(join(place.dir, 'ports'), 'utf8').trim().split('\n').map(Number);
  return {
    place,
    ports,
    status,
    until: async (service, want) =>
      await waitFor(
        `${service} as wanted; the log ends: ${(await place.log()).slice(-2_000)}`,
        async () => (await status())?.services.find((view) => view.name === service && want(view)),
        LIMIT_MS,
      ),
    next: async (pid) =>
      await waitFor(
        'the next daemon',
        async () => {
          const found = await status();
          return found !== null && found.daemon.pid !== pid && found;
        },
        LIMIT_MS,
      ),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What became of the requests of a load, each a connection of its own. */
export interface Outcome {
  answered: number;
  /** errno names, or `closed`: it was accepted, and ended without an answer. */
  readonly failures: string[];
}

/** As many at a time as `workers`, until it is disposed. */
export class Load implements AsyncDisposable {
  readonly outcome: Outcome = { answered: 0, failures: [] };
  readonly #port: number;
  readonly #ends: readonly Promise<void>[];
  #isOver = false;

  constructor(port: number, workers: number) {
    this.#port = port;
    this.#ends = Array.from({ length: workers }, () => this.#work());
  }

  /** Until that many more were answered. */
  async more(count: number): Promise<void> {
    const from = this.outcome.answered;
    await waitFor(`${count} more answers`, () => this.outcome.answered >= from + count, LIMIT_MS);
  }

  async #work(): Promise<void> {
    while (!this.#isOver) {
      const failure = await request(this.#port);
      if (failure === null) this.outcome.answered++;
      else this.outcome.failures.push(failure);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#ends);
  }
}

/** null: it was answered. */
function request(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let got = '';
    socket.setTimeout(LIMIT_MS, () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      got += bytes;
    });
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    socket.on('close', () => resolve(got === '' ? 'closed' : null));
    socket.write('?');
  });
}
