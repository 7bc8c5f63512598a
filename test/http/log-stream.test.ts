// The end of a log and what follows it, whatever happens to the file.

import assert from 'node:assert/strict';
import { appendFileSync, renameSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ServiceLog } from '../../src/api/logs.ts';
import { LogLines } from '../../src/http/streams/log-stream.ts';
import { serviceLog } from '../../src/os/log-file/service-log.ts';
import { timestamp } from '../../src/os/own-log/timestamp.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { Scheduler } from '../simulation/scheduler.ts';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';

const logAt = (path: string) => serviceLog(path, process.geteuid?.() ?? 0);

class Collected extends Writable {
  text = '';
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString('latin1');
    done();
  }
}

interface Query {
  readonly path: string;
  readonly lines: number;
  readonly isDeep?: boolean;
  readonly since?: number;
}

async function send({ path, lines, isDeep = false, since }: Query, to: Writable, follow = false): Promise<void> {
  await using found = await LogLines.find({ log: logAt(path), isDeep, lines, since: since ?? null });
  await found.send(to, follow, systemClock);
}

async function sent(query: Query): Promise<string> {
  const out = new Collected();
  await send(query, out);
  return out.text;
}

const tail = (path: string, lines: number) => sent({ path, lines });

test('the last lines are those that tail gives', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'log');
  const line = fc.oneof(fc.constant(''), fc.constant('short'), fc.constant('x'.repeat(70_000)));
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 12 }), fc.nat(14), fc.boolean(), async (lines, count, isWhole) => {
      const text = lines.join('\n') + (isWhole && lines.length > 0 ? '\n' : '');
      writeFileSync(path, text);
      const all = text.split(/(?<=\n)/).filter((each) => each !== '');
      assert.equal(await tail(path, count), count === 0 ? '' : all.slice(-count).join(''));
    }),
    { numRuns: 60 },
  );
});

test('lines that the log has too few come from the file that was rotated away, each once', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'log');
  const tailWith = (lines: number) => sent({ path, lines, isDeep: true });
  writeFileSync(`${path}.1`, '1\n2\n3\n');
  assert.equal(await tailWith(2), '2\n3\n');
  writeFileSync(path, '4\n5\n');
  const all = ['1\n', '2\n', '3\n', '4\n', '5\n'];
  for (let lines = 0; lines <= 6; lines += 1) {
    assert.equal(await tailWith(lines), lines === 0 ? '' : all.slice(-lines).join(''), `${lines} lines`);
  }
  writeFileSync(path, '');
  assert.equal(await tailWith(1), '3\n');
});

test('a log that was rotated, truncated, or is not there yet is followed', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'log');
  const out = new Collected();
  const scheduler = new Scheduler();
  const log = logAt(path);
  let looks = 0;
  const counted: ServiceLog = {
    ...log,
    inode() {
      looks += 1;
      return log.inode();
    },
  };
  await using found = await LogLines.find({ log: counted, isDeep: false, lines: 10, since: null });
  const whole = found.send(out, true, scheduler.clock);
  /** Lets it look at the file again and again until that is so. */
  const until = (what: string, isSo: () => boolean) =>
    waitFor(what, () => {
      if (!isSo()) scheduler.advance();
      return isSo();
    });
  const shows = (text: string) => until(text, () => out.text === text);
  writeFileSync(path, 'a\n');
  await shows('a\n');
  appendFileSync(path, 'b\n');
  renameSync(path, `${path}.1`);
  await shows('a\nb\n');
  appendFileSync(`${path}.1`, 'c\n');
  await shows('a\nb\nc\n');
  writeFileSync(path, 'd\n');
  await shows('a\nb\nc\nd\n');
  truncateSync(path);
  const before = looks;
  await until('a look that began after that', () => looks >= before + 2);
  appendFileSync(path, 'e\n');
  await shows('a\nb\nc\nd\ne\n');
  out.destroy();
  await whole;
});

test('a reader that takes nothing holds two chunks, not the file', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'log');
  writeFileSync(path, 'x'.repeat(3_000_000));
  const stuck = new PassThrough({ highWaterMark: 1024 });
  const whole = send({ path, lines: 1 }, stuck);
  await waitFor('the first chunk', () => stuck.readableLength > 0);
  assert.ok(stuck.readableLength + stuck.writableLength <= 2 * 64 * 1024);
  stuck.destroy();
  await whole;
});

test('the time of a line is of the year of its file, and of the zone of opsd', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'log');
  const lines = [
    'without a time',
    'Dec 31 23:59:58.000 last of the year before',
    'Dec 31 23:59:59.500 later',
    '  more of it',
    'Jan 01 00:00:01.000 first of the year',
    'Jun 15 12:00:00.000 summer',
  ];
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  // The file is two years old: without its own time all its lines would be of the last twelve months.
  const end = new Date(2024, 5, 15, 12, 0, 1);
  utimesSync(path, end, end);
  const after = (at: Date) => sent({ path, lines: 100, since: at.getTime() });
  const from = (place: number) =>
    lines
      .slice(place)
      .map((line) => `${line}\n`)
      .join('');
  assert.equal(await after(new Date(2025, 0, 1)), '');
  assert.equal(await after(new Date(2024, 5, 15)), from(5));
  assert.equal(await after(new Date(2024, 0, 1)), from(4));
  assert.equal(await after(new Date(2023, 11, 31, 23, 59, 59)), from(2));
  assert.equal(await after(new Date(2023, 11, 31)), from(1));
  assert.equal(await after(new Date(2023, 0, 1)), from(1), 'a line before the first time is of no time');
});

test('since finds the first line that is new enough among many, in the rotated file too', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'log');
  const begin = Date.now() - 10_000_000;
  const line = (place: number) => `${timestamp(begin + place * 1_000)} line ${place}\n`;
  const all = Array.from({ length: 9_000 }, (_, place) => line(place));
  writeFileSync(`${path}.1`, all.slice(0, 5_000).join(''));
  writeFileSync(path, all.slice(5_000).join(''));
  for (const place of [1, 4_999, 5_000, 5_001, 8_999]) {
    const text = await sent({ path, lines: 10_000, isDeep: true, since: begin + place * 1_000 });
    assert.equal(text, all.slice(place).join(''), `from ${place}`);
  }
});
