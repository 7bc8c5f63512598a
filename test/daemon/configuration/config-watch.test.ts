// watch_config on a disk that does not answer: supervision goes on, and the log tells it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigWatch } from '../../../src/daemon/configuration/config-watch.ts';
import type { ConfigSignature } from '../../../src/os/config/files.ts';

test('one check at a time; one that hangs is told of once, and a change is noticed when the disk is back', async () => {
  const told: string[] = [];
  const answers: ((found: ConfigSignature) => void)[] = [];
  let tick = () => {};
  const reloads: string[] = [];
  const clock = {
    every: (_period: number, then: () => void) => {
      tick = then;
      return { [Symbol.dispose]() {} };
    },
  };
  using _watch = new ConfigWatch(
    {
      isOn: () => true,
      files: () => [],
      reload: () => void reloads.push('reload'),
      warn: (message) => told.push(message),
    },
    clock,
    () => new Promise((answer) => answers.push(answer)),
  );
  for (let second = 0; second < 30; second++) tick();
  assert.equal(answers.length, 1);
  assert.deepEqual(told, [
    'watch_config: the disk of a configuration file does not answer, and no change is noticed until it does',
  ]);
  const changed = new Map([['config.toml', 'other']]);
  for (const before of [0, 1]) {
    answers.pop()?.(changed);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(reloads.length, before);
    tick();
  }
  answers.pop()?.(changed);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(reloads.length, 1);
});
