// What programs say, in pieces of any size: /proc, markers, logs with times in front, server-sent events, answers to ctl.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { newClient } from '../../src/cli/client/client.ts';
import { linesOf, serverEventsOf } from '../../src/cli/client/lines.ts';
import { ConfigError, RuntimeError } from '../../src/errors.ts';
import { lastLines } from '../../src/os/log-file/last-lines.ts';
import { LineStamper, stampedSize } from '../../src/os/output/line-stamper.ts';
import { parsePid, parseStat } from '../../src/os/proc/identity.ts';
import { formatMarker, parseMarker } from '../../src/os/proc/marker.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import type { Chance } from '../chaos/chance.ts';
import { scratch } from '../support/scratch.ts';
import { mutate, mutateText, nasty, noise } from './mutations.ts';
import type { Target } from './parser-campaign.ts';

type Tell = (input: unknown) => void;

export const streamTargets: readonly (() => Promise<Target>)[] = [
  ...[
    { name: '/proc/PID/stat', share: 3, run: runStat },
    { name: 'marker', share: 3, run: runMarker },
    { name: 'timestamps', share: 0.5, run: runStamper },
    { name: 'last lines', share: 1, run: runLastLines },
    { name: 'server-sent events', share: 0.3, run: runEvents },
  ].map((target) => async () => ({ ...target, [Symbol.asyncDispose]: async () => {} })),
  clientTarget,
];

/** A process may call itself whatever it likes: nothing of it becomes one of the numbers behind it. */
function runStat(chance: Chance, tell: Tell): void {
  const name = noiseOrText(chance).subarray(0, 64);
  const numbers = Array.from({ length: 49 }, () => chance.between(0, 1_000_000));
  const line = Buffer.concat([Buffer.from(`77 (`), name, Buffer.from(`) S ${numbers.join(' ')}\n`)]);
  tell(line);
  const stat = parseStat(77, line.toString('latin1'));
  assert.ok(stat !== 'gone');
  assert.deepEqual(
    [stat.state, stat.parent, stat.group, stat.session, stat.startTime],
    ['S', numbers[0], numbers[1], numbers[2], numbers[18]],
  );
  const broken = mutate(chance, line).toString('latin1');
  const found = parseStat(77, broken);
  assert.ok(found === 'gone' || Number.isSafeInteger(found.startTime));
  const pid = parsePid(broken.slice(0, chance.between(0, 12)));
  assert.ok(pid === null || pid > 1);
}

/** What is believed is what opsd would have written. */
function runMarker(chance: Chance, tell: Tell): void {
  const good = `${chance.between(1, 1e6)}:${chance.pick(['web', 'web@1', 'a.b-c_d'])}:/srv/run`;
  const text = chance.is(0.1) ? good : mutateText(chance, good);
  tell(text);
  const marker = parseMarker(text);
  if (marker === null) return assert.notEqual(text, good);
  assert.equal(formatMarker(marker), text);
  assert.ok(Number.isSafeInteger(marker.generation) && marker.generation >= 1);
}

/** Nothing is lost of what a service writes, and each line has its time. */
function runStamper(chance: Chance, tell: Tell): void {
  const bytes = lines(chance);
  tell(bytes);
  const stamper = new LineStamper();
  const out: Buffer[] = [];
  for (const piece of pieces(chance, bytes)) {
    const to = Buffer.alloc(stampedSize(piece.length));
    out.push(to.subarray(0, stamper.stamp(piece, to, 'Nov 23 16:10:00.123')));
  }
  const stamped = Buffer.concat(out).toString('latin1');
  assert.equal(
    stamped.replace(/\n?Nov 23 16:10:00\.123 (?:\.\.\. )?/g, (stamp) =>
      stamp.startsWith('\n') && !stamp.endsWith('... ') ? '\n' : '',
    ),
    bytes.toString('latin1'),
  );
}

function runLastLines(chance: Chance, tell: Tell): void {
  const bytes = lines(chance);
  tell(bytes);
  assert.ok(lastLines([...pieces(chance, bytes)]).length <= 50);
}

/** The same events, however they are cut. */
async function runEvents(chance: Chance, tell: Tell): Promise<void> {
  const good = 'retry: 1000\n\nid: 1.1\nevent: state\ndata: {"a":1}\n\n:\n\nevent: gap\ndata: {"missed":3}\n\n';
  const text = mutateText(chance, good.repeat(chance.between(1, 4)));
  tell(text);
  const whole = await gather(serverEventsOf(from([text])));
  const cut = await gather(serverEventsOf(from(cutText(chance, text))));
  assert.deepEqual(cut, whole);
  assert.equal((await gather(linesOf(from(cutText(chance, text))))).join('\n'), text.replace(/\n$/, ''));
}

const STATUSES = [
  '404 Not Found',
  '503 Service Unavailable',
  '204 No Content',
  '100 Continue',
  '101 Switching Protocols',
];

/** Whoever answers: ctl says what is wrong in one sentence, or goes on; it never fails by a bug of its own. */
async function clientTarget(): Promise<Target> {
  const folder = await scratch();
  const path = join(folder.path, 's');
  let answer: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.once('data', () => {
      for (const piece of answer) socket.write(piece);
      socket.end();
    });
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    name: 'answers to ctl',
    share: 0.3,
    async run(chance, tell) {
      const good = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"a":"b"}';
      const bytes = mutate(
        chance,
        Buffer.from(chance.is(0.5) ? good : good.replace('200 OK', chance.pick(STATUSES) ?? '')),
      );
      tell(bytes);
      answer = [...pieces(chance, bytes)];
      using client = newClient(path, systemClock, 1_000);
      try {
        if (chance.is(0.5)) await client.get('/api/v1/services');
        else for await (const _ of await client.stream('GET', '/api/v1/events'));
      } catch (error) {
        assert.ok(error instanceof RuntimeError || error instanceof ConfigError, String(error));
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function noiseOrText(chance: Chance): Buffer {
  const odd = [') S 1 1 1 ', '((((', '))))', '\n', ' ', ') Z 0', 'a) R (b', ''];
  return chance.is(0.5) ? noise(chance, chance.between(0, 64)) : Buffer.from(chance.pick(odd) ?? '');
}

function lines(chance: Chance): Buffer {
  const parts = Array.from({ length: chance.between(0, 20) }, () => {
    const text = nasty(chance).repeat(chance.is(0.05) ? chance.between(1, 30_000) : chance.between(1, 10));
    return Buffer.concat([Buffer.from(text), Buffer.from(chance.is(0.7) ? '\n' : '')]);
  });
  return Buffer.concat(parts);
}

function* pieces(chance: Chance, bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + chance.between(1, Math.max(1, Math.ceil(bytes.length / 2))));
    yield bytes.subarray(at, end);
    at = end;
  }
}

function cutText(chance: Chance, text: string): string[] {
  return text.match(new RegExp(`.{1,${chance.between(1, 30)}}`, 'gs')) ?? [];
}

async function* from(texts: readonly string[]): AsyncGenerator<string> {
  yield* texts;
}

async function gather<T>(all: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of all) found.push(one);
  return found;
}
