// An opsd that is killed while it stamps: wherever it was, the next one completes the log, byte for byte.

import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFifos } from '../../../src/os/fifo/fifo.ts';
import { type Kernel, loadKernel } from '../../../src/os/fifo/kernel.ts';
import { LogFile } from '../../../src/os/log-file/log-file.ts';
import { isLeft, StampedBatch } from '../../../src/os/output/stamped-batch.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { scratch } from '../../support/scratch.ts';

const TIME = 'Nov 23 16:10:00.123';
const BEFORE = `${TIME} an earlier line\n`;
const RAW = 'one\ntwo\ntwo\ntwo\nthr';
const STAMPED = `${TIME} one\n${TIME} two\n${TIME} two\n${TIME} two\n${TIME} thr`;

/** A log, and a batch that was filled for it and not finished: as a killed opsd leaves them. */
async function killed() {
  const folder = await scratch();
  const log = join(folder.path, 'web.log');
  const batch = join(folder.path, 'batch/web');
  const fifo = join(folder.path, 'fifo');
  writeFileSync(log, BEFORE);
  makeFifos([fifo]);
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  writeSync(fd, RAW);
  const kernel: Kernel | null = loadKernel();
  assert.ok(kernel);
  using file = new LogFile(log, process.geteuid?.() ?? 0, systemClock);
  file.open();
  {
    using left = new StampedBatch(batch);
    left.fill(kernel, fd, { ino: file.ino, offset: file.end, column: 0, time: TIME }, Buffer.alloc(65_536));
  }
  closeSync(fd);
  return {
    log,
    batch,
    recover(): string {
      assert.equal(isLeft(batch), true);
      using again = new LogFile(log, process.geteuid?.() ?? 0, systemClock);
      using left = new StampedBatch(batch);
      left.recover(again);
      assert.equal(isLeft(batch), false);
      return readFileSync(log, 'latin1');
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

test('killed before, during or after the write to the log: the log is the same in the end', async () => {
  await using k = await killed();
  const left = readFileSync(k.batch);
  for (let written = 0; written <= STAMPED.length; written++) {
    writeFileSync(k.batch, left);
    writeFileSync(k.log, BEFORE + STAMPED.slice(0, written));
    assert.equal(k.recover(), BEFORE + STAMPED, `killed after ${written} bytes`);
  }
});

test('the log was rotated meanwhile: the batch goes into the new one, whole', async () => {
  await using k = await killed();
  renameSync(k.log, `${k.log}.1`);
  assert.equal(k.recover(), STAMPED);
  assert.equal(readFileSync(`${k.log}.1`, 'latin1'), BEFORE);
});

test('the log was truncated meanwhile: the batch goes to its end', async () => {
  await using k = await killed();
  truncateSync(k.log, 0);
  assert.equal(k.recover(), STAMPED);
});

test('a batch that is garbage or cut off costs nothing but itself', async () => {
  await using k = await killed();
  const whole = readFileSync(k.batch);
  for (const garbage of [Buffer.alloc(1_000), Buffer.alloc(1_000, 0xff), whole.subarray(4)]) {
    writeFileSync(k.batch, garbage);
    assert.equal(k.recover(), BEFORE);
  }
  for (let length = 0; length <= 64; length++) {
    writeFileSync(k.batch, whole.subarray(0, length));
    assert.equal(isLeft(k.batch), false);
  }
});
