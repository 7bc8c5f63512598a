// CPU and memory of processes, and the mean that forgets at the same pace however often one looks.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { ratioSince, UsageSampler } from '../../../src/os/proc/usage.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { waitFor } from '../../support/wait.ts';

test('a busy process uses about a core, an idle one nothing, one that is gone is missing', async () => {
  const busy = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
  const idle = spawn('sleep', ['60'], { stdio: 'ignore' });
  try {
    const [first = 0, second = 0] = [busy.pid, idle.pid];
    const sampler = new UsageSampler(systemClock);
    const usages = await waitFor('a CPU figure', async () => {
      const seen = await sampler.sample([first, second, 4_194_000]);
      return (seen.get(first)?.cpuRatio ?? 0) > 0.05 && seen;
    });
    const working = usages.get(first);
    const sleeping = usages.get(second);
    assert.ok(working && sleeping);
    assert.ok(working.cpuRatio < 1.5 && working.cpuSeconds > 0);
    assert.equal(sleeping.cpuRatio, 0);
    assert.ok(sleeping.memoryBytes > 100_000 && sleeping.memoryBytes < 100_000_000);
    assert.equal(usages.has(4_194_000), false);
  } finally {
    busy.kill('SIGKILL');
    idle.kill('SIGKILL');
  }
});

test('nothing asked, nothing answered; and only one that is gone is no error', async () => {
  const sampler = new UsageSampler(systemClock);
  assert.equal((await sampler.sample([])).size, 0);
  assert.equal((await sampler.sample([4_194_000])).size, 0);
});

test('who asks while the answer is under way gets the same', async () => {
  const sampler = new UsageSampler(systemClock);
  const [one, other] = await Promise.all([sampler.sample([process.pid]), sampler.sample([process.pid])]);
  assert.equal(one, other);
  assert.ok((one.get(process.pid)?.memoryBytes ?? 0) > 0);
});

test('the mean depends on the time that passed, not on the number of looks', () => {
  const start = { at: 0, cpuSeconds: 0, cpuRatio: 0 };
  const inOne = ratioSince(start, 10_000, 10);
  let past = start;
  for (let at = 1_000; at <= 10_000; at += 1_000) {
    past = { at, cpuSeconds: at / 1_000, cpuRatio: ratioSince(past, at, at / 1_000) ?? 0 };
  }
  assert.ok(inOne !== null && Math.abs(inOne - (1 - Math.exp(-1))) < 1e-9);
  assert.ok(Math.abs(past.cpuRatio - inOne) < 1e-9);
});

test('a number that belongs to another process now starts anew', () => {
  assert.equal(ratioSince({ at: 0, cpuSeconds: 50, cpuRatio: 1 }, 1_000, 0.1), null);
  assert.equal(ratioSince(undefined, 1_000, 0.1), null);
  assert.equal(ratioSince({ at: 0, cpuSeconds: 1, cpuRatio: null }, 2_000, 2), 0.5);
});

test('figures leave the descriptors to opsd: a quarter of them is for figures, and of few none', async () => {
  const asked = [process.pid, process.ppid, 1];
  const shown = async (descriptors: number) => (await new UsageSampler(systemClock, descriptors).sample(asked)).size;
  assert.equal(await shown(1_024), 3);
  assert.equal(await shown(255), 0);
});
