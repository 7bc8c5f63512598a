// A real opsd, and as many requests as one likes against its doors: what must hold, held.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Chance } from '../chaos/chance.ts';
import { startOpsd } from '../support/opsd.ts';
import { waitFor } from '../support/wait.ts';
import { type Connection, converse } from './conversation.ts';
import { AT_ONCE, doorsOf } from './doors.ts';
import { type Door, type Script, scriptOf, TOKEN } from './http-grammar.ts';
import type { Measured } from './loop-meter.ts';

const SERVICES = `
[services.web]
command = ["sleep", "1000"]
instances = 2
stop_timeout = "1s"

[services.db]
command = ["sleep", "1000"]
stop_timeout = "1s"

[services.app]
command = ["sleep", "1000"]
depends_on = ["db"]
stop_timeout = "1s"

[services.job]
command = ["true"]
type = "oneshot"

[services.chatty]
command = ["sh", "-c", "head -c 300000 /dev/urandom; exec sleep 1000"]
stop_timeout = "1s"
`;

/** `turn` has in it what disks and a host without free memory let opsd wait for: that no request chooses. */
const LONGEST_MS = { work: 250, turn: 1_000 };
/** After this share of all requests, what opsd keeps for its whole life is there: code, caches, buffers of the kernel's. */
const WARM_UP = 0.3;
/** Of all requests; those behind a broken one are not. With less, opsd was not asked enough to prove anything. */
const LEAST_ANSWERED = 0.15;
const MOST_GROWTH = { heap: 8 << 20, rss: 64 << 20, descriptors: 8 };
/** Of one look at memory to the next, and of one question whether opsd still answers. */
const ROUND = 2_500;
const LIMIT_MS = 15_000;
/** What no request may make opsd say. */
const BAD_LINES = /^.*(?:bug of its own|an HTTP request failed|Warning:).*$/m;

export interface Campaign {
  readonly seed: number;
  readonly requests: number;
  /** It ends after so long, with however many there were by then. */
  readonly seconds?: number;
  readonly doors: readonly Door[];
  /** Told of each round. */
  readonly tell?: (line: string) => void;
}

interface Longest {
  /** CPU time. */
  readonly work: number;
  readonly turn: number;
}

export interface Figures {
  readonly requests: number;
  readonly seconds: number;
  /** How often each status was answered. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Milliseconds of one turn of the loop. */
  readonly longest: Longest;
  readonly warm: Measured;
  readonly last: Measured;
}

/** Throws what was broken, with the seed. */
export async function fuzzHttp(campaign: Campaign): Promise<Figures> {
  const { seed, requests, seconds: limit = Number.POSITIVE_INFINITY, doors, tell = () => {} } = campaign;
  const meter = 'meter.sock';
  const preload = new URL('loop-meter.ts', import.meta.url).pathname;
  await using ways = await doorsOf(doors, seed);
  await using opsd = await startOpsd({
    ...ways.options,
    config: `[daemon]\npage_logs = true\n${ways.daemon}\n${SERVICES}`,
    http: 'on',
    env: { NODE_OPTIONS: `--import=${preload}`, OPSD_METER: meter },
  });
  const begun = performance.now();
  const passed = () => (performance.now() - begun) / 1_000;
  const measure = () => measured(join(opsd.dir, meter));
  const statuses = new Map<number, number>();
  await waitFor('the meter in opsd', () => measure().catch(() => null));
  const longest = { turn: 0, work: 0 };
  let warm: Measured | null = null;
  let sent = 0;
  const attack = async (door: Door, chance: Chance, upTo: number) => {
    while (sent < upTo && passed() < limit) {
      const own = chance.branch();
      const script = scriptOf(own, door);
      sent += script.requests;
      const outcome = await converse(ways.open(opsd, door, own), script);
      for (const status of outcome.statuses) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 500) throw new Error(`500 over ${door} for ${shown(script)}\n${outcome.text}`);
      }
    }
  };
  const streams = doors.flatMap((door, index) => {
    return Array.from({ length: AT_ONCE[door] }, (_, at) => ({
      door,
      chance: new Chance(seed * 1_000 + index * 100 + at),
    }));
  });
  try {
    while (sent < requests && passed() < limit) {
      const upTo = Math.min(requests, sent + ROUND);
      await Promise.all(streams.map(({ door, chance }) => attack(door, chance, upTo)));
      for (const door of doors) await answers(ways.openWell(opsd, door));
      const found = await measure();
      longest.turn = Math.max(longest.turn, found.longestTurn);
      longest.work = Math.max(longest.work, found.longestWork);
      if (warm === null && Math.max(sent / requests, passed() / limit) >= WARM_UP) warm = await calm(measure, found);
      tell(`${sent} requests, turn ${ms(found.longestTurn)} (work ${ms(found.longestWork)}), ${sizes(found)}`);
    }
    assert.ok(warm, `it was over after ${sent} requests`);
    const last = await calm(measure, warm);
    check(longest, warm, last);
    const answered = [...statuses.values()].reduce((sum, count) => sum + count, 0);
    assert.ok(answered >= sent * LEAST_ANSWERED, `only ${answered} of ${sent} requests were answered`);
    const bad = BAD_LINES.exec(await opsd.log());
    assert.ok(bad === null, `opsd said: ${bad?.[0]}`);
    return { requests: sent, seconds: passed(), statuses, longest, warm, last };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const ended = opsd.daemon.ended();
    const state = ended
      ? `opsd ended (${ended.code ?? ended.signal}): ${(await opsd.log()).slice(-3_000)}`
      : 'opsd lives';
    throw new Error(`after ${sent} requests with SEED=${seed}: ${why}\n${state}`, { cause: error });
  }
}

function check(longest: Longest, warm: Measured, last: Measured): void {
  assert.ok(longest.work <= LONGEST_MS.work, `a turn of the loop took ${ms(longest.work)} of CPU time`);
  assert.ok(longest.turn <= LONGEST_MS.turn, `a turn of the loop took ${ms(longest.turn)}`);
  const growth = {
    heap: last.heap + last.external - warm.heap - warm.external,
    rss: last.rss - warm.rss,
    descriptors: last.descriptors - warm.descriptors,
  };
  for (const what of ['heap', 'rss', 'descriptors'] as const) {
    assert.ok(
      growth[what] <= MOST_GROWTH[what],
      `${what} grew by ${growth[what]}: from ${sizes(warm)} to ${sizes(last)}`,
    );
  }
}

const QUESTION = [
  'GET /.well-known/live HTTP/1.1',
  'Host: localhost',
  `Authorization: Bearer ${TOKEN}`,
  'Connection: close',
  '\r\n',
].join('\r\n');

/** Whoever is alive and well answers this. */
async function answers(connection: Connection): Promise<void> {
  const script = { pieces: [Buffer.from(QUESTION)], requests: 1, isOwed: true, ending: 'wait' } as const;
  const { statuses, text } = await within(converse(connection, script), 'the answer to /.well-known/live');
  assert.deepEqual(statuses, [200], text);
}

/** When connections are gone that nobody closed, and orders are obeyed: no more descriptors than before, if it can be. */
async function calm(measure: () => Promise<Measured>, before: Measured): Promise<Measured> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const found = await measure();
    if (found.descriptors <= before.descriptors + MOST_GROWTH.descriptors || performance.now() > end) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function measured(path: string): Promise<Measured> {
  const answer = new Promise<Measured>((resolve, reject) => {
    let text = '';
    const socket = connect(path);
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('end', () => resolve(JSON.parse(text)));
    socket.on('error', reject);
  });
  return within(answer, 'the meter in opsd');
}

async function within<T>(work: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`waited ${LIMIT_MS} ms in vain for ${what}`)), LIMIT_MS);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function shown({ pieces, ending }: Script): string {
  return `${JSON.stringify(Buffer.concat(pieces).toString('latin1')).slice(0, 3_000)} (then ${ending})`;
}

const ms = (value: number) => `${value.toFixed(0)} ms`;
const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`;

function sizes({ heap, external, rss, descriptors }: Measured): string {
  return `heap ${mb(heap)} + ${mb(external)}, rss ${mb(rss)}, ${descriptors} descriptors`;
}

export function summary({ requests, seconds, statuses, longest, warm, last }: Figures): string {
  const answered = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} × ${status}`);
  const turns = `longest turn ${ms(longest.turn)}, ${ms(longest.work)} of CPU time`;
  return `${requests} requests in ${seconds.toFixed(0)} s (${answered.join(', ')}); ${turns}; ${sizes(warm)}; at the end ${sizes(last)}`;
}
