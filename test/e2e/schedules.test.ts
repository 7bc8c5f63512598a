// Jobs that the clock starts, with real processes: what becomes of a time that comes while one runs, or while no opsd is.

import assert from 'node:assert/strict';
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobRecord } from '../../src/os/files/job-history.ts';
import { startOpsd } from '../support/opsd.ts';
import { waitFor } from '../support/wait.ts';

const DAY = 86_400_000;

/** Runs until it may end. */
const JOB = `#!/bin/sh
echo begin
until test -e "$OPSD_SERVICE.may-end"; do sleep 0.02; done
echo end
`;

test('a time that comes while the job still runs is skipped, queued, or takes its place', async () => {
  const job = (overlap: string) =>
    `[services.${overlap}]\ncommand = ["./job"]\nschedule = "* * * * * *"\noverlap = "${overlap}"\n`;
  await using opsd = await startOpsd({ config: ['skip', 'queue', 'kill'].map(job).join(''), files: { job: JOB } });
  await opsd.logged(/service=skip from=stopped to=starting generation=1 .*reason=schedule/);
  await opsd.logged(/service=queue from=stopped to=starting generation=1 .*reason=schedule/);

  // The next time is another only when the last one has come.
  const times = { skip: new Set(), queue: new Set() };
  const pass = async (name: 'skip' | 'queue') => times[name].add((await opsd.status(name)).next_attempt_at).size > 2;
  await waitFor('two more times', async () => (await pass('skip')) && (await pass('queue')));
  await opsd.logged(/service=kill from=running to=stopping generation=1 .*reason=schedule/);
  await opsd.logged(/service=kill from=stopping to=starting generation=2 .*reason=schedule/);
  for (const name of ['skip', 'queue']) {
    const { state, generation } = await opsd.status(name);
    assert.deepEqual([state, generation], ['running', 1], name);
  }

  await opsd.write('skip.may-end', '');
  await opsd.write('queue.may-end', '');
  await opsd.logged(/service=skip from=exited to=starting generation=2/);
  await opsd.logged(/service=queue from=starting to=running generation=2/);
  const begin = ['stopped>starting schedule', 'starting>running ready'];
  assert.deepEqual((await opsd.changes('skip')).slice(0, 4), [
    ...begin,
    'running>exited success',
    'exited>starting schedule',
  ]);
  assert.deepEqual((await opsd.changes('queue')).slice(0, 4), [
    ...begin,
    'running>exited success',
    'exited>starting schedule',
  ]);
  for (const name of ['skip', 'queue']) {
    const both = await waitFor('the words of two runs', async () => {
      const words = (await opsd.output(name)).split('\n');
      return words.length > 4 && words.slice(0, 4);
    });
    assert.deepEqual(both, ['begin', 'end', 'begin', 'end'], name);
  }
  assert.match(await opsd.output('kill'), /^(begin\n)+$/);
});

test('a run that another was queued behind has a result as well', async () => {
  const config = '[services.queue]\ncommand = ["./job"]\nschedule = "* * * * * *"\noverlap = "queue"\n';
  // The second one does not end.
  await using opsd = await startOpsd({ config, files: { job: `${JOB}rm "$OPSD_SERVICE.may-end"\n` } });
  const { next_attempt_at } = await opsd.until('queue', 'running');
  await opsd.until('queue', (view) => view.next_attempt_at !== next_attempt_at);
  await opsd.write('queue.may-end', '');
  await opsd.logged(/service=queue from=exited to=starting generation=2/);
  const book: Record<string, JobRecord> = JSON.parse(await opsd.read('p/data/opsd/jobs.json'));
  assert.equal(typeof book.queue?.succeededAt, 'number');
});

test('a time that was missed while no opsd was there is made up for with catch_up, once', async () => {
  const jobs = (schedule: string) => `[defaults]\nschedule = "${schedule}"
[services.careful]\ncommand = ["true"]\ncatch_up = true
[services.careless]\ncommand = ["true"]\n`;
  await using opsd = await startOpsd({ config: jobs('* * * * * *') });
  for (const name of ['careful', 'careless']) await opsd.until(name, (view) => view.last_run?.result === 'success');
  await opsd.stop();

  // The host was off for more than a year, it seems.
  const book: Record<string, JobRecord> = JSON.parse(await opsd.read('p/data/opsd/jobs.json'));
  const aged = Object.entries(book).map(([name, job]) => [name, { ...job, dueAt: (job.dueAt ?? 0) - 400 * DAY }]);
  assert.equal(aged.length, 2);
  await opsd.write('p/data/opsd/jobs.json', JSON.stringify(Object.fromEntries(aged)));
  await opsd.configure(jobs('0 3 1 1 *'));
  await opsd.restart();
  await opsd.until('careful', 'exited');
  const once = ['stopped>starting schedule', 'starting>running ready', 'running>exited success'];
  assert.deepEqual(await opsd.changes('careful'), once);
  assert.deepEqual(await opsd.changes('careless'), []);

  // What was made up for is not missing any more.
  await opsd.stop();
  await opsd.restart();
  const { next_attempt_at } = await opsd.until('careful', (view) => view.next_attempt_at !== null);
  assert.ok(Date.parse(next_attempt_at ?? '') > Date.now(), `${next_attempt_at}`);
  assert.deepEqual(await opsd.changes('careful'), []);
});

test('random_delay puts the time of each job off, by another share', async () => {
  const job = (name: string, more = '') => `[services.${name}]\ncommand = ["true"]\nschedule = "0 3 1 1 *"\n${more}\n`;
  const late = 'random_delay = "300d"';
  await using opsd = await startOpsd({ config: [job('plain'), job('one', late), job('other', late)].join('') });
  const timeOf = async (name: string) => {
    const { next_attempt_at } = await opsd.until(name, (view) => view.next_attempt_at !== null);
    return Date.parse(next_attempt_at ?? '');
  };
  const plain = await timeOf('plain');
  const delays = [(await timeOf('one')) - plain, (await timeOf('other')) - plain];
  for (const delay of delays) assert.ok(delay > 0 && delay < 300 * DAY, `${delay / DAY} days`);
  assert.notEqual(delays[0], delays[1]);
});

const asRoot = { skip: process.getuid?.() !== 0 && 'a /etc of its own takes root' };

test('a time zone that the host is given while opsd runs holds from the next reload on', asRoot, async () => {
  const config = '[services.night]\ncommand = ["true"]\nschedule = "30 3 * * *"\n';
  const own = 'mkdir -p etc && cp -a /etc/. etc && mount --bind etc /etc && exec "$@"';
  await using opsd = await startOpsd({ config, through: ['unshare', '-m', 'sh', '-c', own, 'sh'] });
  const zones = ['Asia/Tokyo', 'America/New_York', 'Asia/Kolkata'];
  for (const zone of zones) {
    const link = join(opsd.dir, 'etc/localtime');
    rmSync(link, { force: true });
    symlinkSync(`/usr/share/zoneinfo/${zone}`, link);
    await opsd.reload();
    const { next_attempt_at } = await opsd.until('night', (view) => {
      const at = Date.parse(view.next_attempt_at ?? '');
      return new Date(at).toLocaleTimeString('en-GB', { timeZone: zone }) === '03:30:00';
    });
    assert.ok(Date.parse(next_attempt_at ?? '') - Date.now() <= DAY + 3_600_000, zone);
  }
});
