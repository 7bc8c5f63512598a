// Jobs that the clock starts, with real processes: what becomes of a time that comes while one runs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { waitFor } from '../support/wait.ts';

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
    'running>starting schedule',
    'starting>running ready',
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
