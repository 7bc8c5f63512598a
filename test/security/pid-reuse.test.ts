// The number of a process that has ended may be a stranger's a moment later: opsd never signals it. In a PID namespace, as root.

import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { inPidNamespace } from '../support/pid-namespace.ts';
import { scratch } from '../support/scratch.ts';

const asRoot = process.getuid?.() === 0 ? {} : { skip: 'only root can make a PID namespace' };

async function play(scene: string): Promise<unknown> {
  await using folder = await scratch();
  const scenes = resolve(import.meta.dirname, 'pid-reuse-scenes.ts');
  return JSON.parse(await inPidNamespace(scenes, scene, folder.path));
}

test('an event hook that has ended while what it left holds its stderr', asRoot, async () => {
  assert.deepEqual(await play('hook'), { strangerLives: true });
});

test('an exec probe that has ended and left something', asRoot, async () => {
  assert.deepEqual(await play('probe'), { strangerLives: true });
});

test('an adopted main process, whose number led another session before its end was noticed', asRoot, async () => {
  assert.deepEqual(await play('adopted'), { left: 0, strangerLives: true });
});
