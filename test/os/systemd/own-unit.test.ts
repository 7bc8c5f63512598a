// Which job systemd runs for the unit of opsd, in the words of systemctl list-jobs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobOf, ownUnit } from '../../../src/os/systemd/own-unit.ts';

test('the running job of the unit, and no other', () => {
  const jobs = [
    ' 1201 network.target       stop    waiting',
    ' 1203 opsd.service         restart running',
    ' 1204 opsd.service.d.mount stop    running',
  ].join('\n');
  assert.equal(jobOf(jobs, 'opsd.service'), 'restart');
  assert.equal(jobOf(jobs, 'network.target'), null, 'it waits');
  assert.equal(jobOf(jobs, 'other.service'), null);
  assert.equal(jobOf('7 opsd.service stop running\n', 'opsd.service'), 'stop');
  assert.equal(jobOf('', 'opsd.service'), null);
});

test('the unit of a process, from its cgroups', () => {
  assert.equal(ownUnit('0::/system.slice/opsd.service/opsd.daemon\n'), 'opsd.service');
  assert.equal(ownUnit('0::/user.slice/user-0.slice/session-3.scope\n'), null);
});
