// What a service's output is in a real journal: records of the service's own user, of no priority that it chose.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '../support/wait.ts';
import { container } from './container.ts';
import { configure } from './supervised.ts';

/** A priority and a facility in front of a line, as sd-daemon(3) has them; fields as the journal's own protocol has them. */
const SAY = String.raw`printf '<0>%s emergency\n<1>%s\n_UID=0 %s\nPRIORITY=0\nSYSLOG_IDENTIFIER=opsd %s\n' canary canary canary canary`;

interface Entry {
  readonly MESSAGE: string;
  readonly PRIORITY: string;
  readonly SYSLOG_IDENTIFIER: string;
  readonly _UID: string;
  readonly _GID: string;
}

test('records of a service have its own user, its name, and a priority that it cannot choose', async () => {
  await using host = await container();
  await host.sh('useradd -m guido');
  const uid = (await host.sh('id -u guido')).trim();
  const table = `[services.chatty]\ncommand = ["sh", "-c", '''${SAY}; exec sleep 1000''']\nuser = "guido"\ncwd = "/"\nlog = "journal"\n`;
  await configure(host, '[daemon]\nhttp = ""\n', table);
  await host.sh('systemctl start opsd');
  const entries = await waitFor('five records', async () => {
    const { stdout } = await host.run('journalctl -o json --no-pager -t chatty');
    const found = stdout.split('\n').filter((line) => line.startsWith('{'));
    return found.length >= 5 && found.map((line): Entry => JSON.parse(line));
  });
  assert.deepEqual(
    entries.map(({ MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, _UID }) => [MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, _UID]),
    ['<0>canary emergency', '<1>canary', '_UID=0 canary', 'PRIORITY=0', 'SYSLOG_IDENTIFIER=opsd canary'].map(
      (message) => [message, '6', 'chatty', uid],
    ),
  );
  const ofRoot = await host.run('journalctl -o cat --no-pager _UID=0');
  assert.doesNotMatch(ofRoot.stdout, /canary emergency|_UID=0 canary/);
});

test('lines of opsd have a priority there, and no time of their own', async () => {
  await using host = await container();
  const table = '[services.broken]\ncommand = ["sh", "-c", "exit 78"]\n';
  await configure(host, '[daemon]\nhttp = ""\n', table);
  await host.sh('systemctl start opsd');
  const of = async (options: string): Promise<readonly Entry[]> => {
    const { stdout } = await host.run(`journalctl -u opsd -o json --no-pager ${options}`);
    return stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line): Entry => JSON.parse(line));
  };
  const alerts = await waitFor('the alert', async () => {
    const found = await of('-p crit');
    return found.length > 0 && found;
  });
  for (const { MESSAGE, PRIORITY } of alerts) {
    assert.equal(PRIORITY, '2');
    assert.match(MESSAGE, /^\[ERROR\] CRITICAL /);
  }
  const states = (await of('')).filter(({ MESSAGE }) => MESSAGE.includes('state service=broken'));
  assert.ok(states.length > 0);
  for (const { MESSAGE } of states) assert.match(MESSAGE, /^\[(INFO|WARN|ERROR)\] state /);
});
