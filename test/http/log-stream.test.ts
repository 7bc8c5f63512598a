// The end of a log and what follows it, whatever happens to the file.

import assert from 'node:assert/strict';
import { appendFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ServiceLog } from '../../src/api/logs.ts';
import { sendLog, writeTail } from '../../src/http/streams/log-stream.ts';
import { serviceLog } from '../../src/os/log-file/service-log.ts';
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

async function tail(path: string, lines: number): Promise<string> {
  await using file = await open(path);
  const out = new Collected();
  await writeTail(file, lines, out, systemClock);
  return out.text;
}

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
  const tailWith = async (lines: number) => {
    const out = new Collected();
    await sendLog({ log: logAt(path), isDeep: true, lines, follow: false }, out, systemClock);
    return out.text;
  };
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
  const sent = sendLog({ log: counted, isDeep: false, lines: 10, follow: true }, out, scheduler.clock);
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
  await sent;
});

test('a reader that takes nothing holds two chunks, not the file', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'log');
  writeFileSync(path, 'x'.repeat(3_000_000));
  const stuck = new PassThrough({ highWaterMark: 1024 });
  const sent = sendLog({ log: logAt(path), isDeep: false, lines: 1, follow: false }, stuck, systemClock);
  await waitFor('the first chunk', () => stuck.readableLength > 0);
  assert.ok(stuck.readableLength + stuck.writableLength <= 2 * 64 * 1024);
  stuck.destroy();
  await sent;
});
