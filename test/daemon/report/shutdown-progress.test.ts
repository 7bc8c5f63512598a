// The log of a shutdown names whom it waits for, from the first moment until the last one is gone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShutdownProgress } from '../../../src/daemon/report/shutdown-progress.ts';
import type { Fields, Log } from '../../../src/os/own-log/logger.ts';
import { Simulation } from '../../simulation/simulation.ts';
import { aConfig, aService } from '../../simulation/specs.ts';
import { obedient, stubborn } from '../../simulation/story.ts';

test('a shutdown says at once and then every 5 s whom it waits for, how long they have been stopping, and when they are killed', () => {
  const it = new Simulation(1, (service) => (service === 'deaf' ? stubborn : obedient));
  const lines: string[] = [];
  const note = (message: string, fields: Fields = {}) =>
    void lines.push(`${it.now} ${message}: ${fields.waits_for} ${fields.kills_in ?? fields.gives_up_in}`);
  const log: Log = { debug: note, info: note, warn: note, error: note, critical: note, component: () => log };
  const progress = new ShutdownProgress(log, it.scheduler.clock);
  it.check = ({ state }) => progress.note(state);
  it.boot(aConfig([aService('deaf', { stopTimeout: 12_000 }), aService('web')]));
  it.runUntil(10_000);
  it.post({ type: 'shutdown', by: 'SIGINT' });
  it.runUntil(60_000);
  assert.equal(it.exited?.code, 0);
  assert.deepEqual(lines, [
    '10000 shutting down; a second signal kills at once: deaf (stopping 0.0s), web (stopping 0.0s) 30s',
    '15000 the shutdown waits for services: deaf (stopping 5.0s) 25s',
    '20000 the shutdown waits for services: deaf (stopping 10s) 20s',
  ]);
});
