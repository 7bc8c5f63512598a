// What opsd was given by LISTEN_FDS, and what of it a service gets.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { MOST_OF_ONE, NO_SOCKETS, passSockets, type Sockets } from '../../../src/os/systemd/sockets.ts';
import { scratch } from '../../support/scratch.ts';
import { waitFor } from '../../support/wait.ts';
import { rig, serviceSpec, shell } from '../rig.ts';

const needsRoot = process.geteuid?.() === 0 ? false : 'takes root';
const module = resolve(import.meta.dirname, '../../../src/os/systemd/sockets.ts');
const GIVE = resolve(import.meta.dirname, '../../support/give-sockets.pl');

/** What a process takes that was started with these sockets, after a shell did something to it. */
async function taken(names: readonly string[], before = '') {
  await using folder = await scratch();
  const source = `import * as s from '${module}';
const taken = s.takeSockets(process.env);
const left = Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'));
console.log(JSON.stringify({ names: [...taken.byName], troubles: taken.troubles, left }));
process.exit(1);`;
  const node = [process.execPath, '--input-type=module', '-e', source];
  const command = ['bash', '--norc', '-c', `${before} exec "$@"`, 'bash', ...node];
  const { stdout, stderr } = spawnSync('perl', [GIVE, join(folder.path, 'ports'), ...names, '--', ...command]);
  assert.equal(stderr.toString(), '');
  const told: { names: [string, number[]][]; troubles: string[]; left: string[] } = JSON.parse(stdout.toString());
  return told;
}

test('sockets by their names, several of one name in their order, and no variable is left', async () => {
  assert.deepEqual(await taken(['web', 'admin', 'web']), {
    names: [
      ['web', [3, 5]],
      ['admin', [4]],
    ],
    troubles: [],
    left: [],
  });
});

test('those of another process are not ours', async () => {
  assert.deepEqual(await taken(['web'], 'export LISTEN_PID=1;'), { names: [], troubles: [], left: [] });
  assert.deepEqual(await taken(['web'], 'unset LISTEN_PID;'), { names: [], troubles: [], left: [] });
});

test('names may be missing, and numbers may be none', async () => {
  assert.deepEqual((await taken(['web', 'admin'], 'unset LISTEN_FDNAMES;')).names, [['unknown', [3, 4]]]);
  for (const count of ['', 'x', '-1', '0', 'NaN']) {
    assert.deepEqual((await taken(['web'], `export LISTEN_FDS=${count};`)).names, [], count);
  }
});

test('what is no socket is told and left alone', async () => {
  const { names, troubles } = await taken(['web', 'admin'], 'exec 4</etc/passwd; export LISTEN_FDS=3;');
  assert.deepEqual(names, [['web', [3]]]);
  assert.deepEqual(troubles.slice(0, 1), [
    'descriptor 4 (admin), which opsd was given as a socket, is none: it is not passed on',
  ]);
});

const given = (names: Record<string, number[]>): Sockets => ({ byName: new Map(Object.entries(names)), troubles: [] });

test('a service gets those it asks for, in its order', () => {
  const sockets = given({ web: [3, 5], admin: [4] });
  assert.deepEqual(passSockets('x', ['admin', 'web'], sockets), {
    ok: true,
    descriptors: [4, 3, 5],
    environment: { LISTEN_FDS: '3', LISTEN_FDNAMES: 'admin:web:web' },
  });
  assert.deepEqual(passSockets('x', [], NO_SOCKETS), { ok: true, descriptors: [], environment: {} });
});

test('what is missing, and what is too much, is said with the remedy', () => {
  const why = (asked: string[], sockets: Sockets) => {
    const passed = passSockets('shop', asked, sockets);
    return passed.ok ? null : passed.why;
  };
  assert.equal(
    why(['wbe', 'web', 'x'], given({ web: [3], admin: [4] })),
    'opsd was given no socket named "wbe", "x"; it has "web", "admin": name it in a .socket unit (FileDescriptorName=), and start that before opsd, or correct services.shop.sockets',
  );
  const many = Array.from({ length: MOST_OF_ONE + 1 }, (_, index) => 3 + index);
  assert.match(why(['web'], given({ web: many })) ?? '', /are 33 descriptors, and a service can be given 32/);
});

const TELL = `echo "$LISTEN_PID $$ $LISTEN_FDS $LISTEN_FDNAMES $OPSD_NOTIFY_FD"; cat <&3; cat <&4; exec sleep 100`;

async function said(options: Parameters<typeof shell>[1], more: Parameters<typeof rig>[0] = {}) {
  const first = openSync('/proc/sys/kernel/ostype', 'r');
  const second = openSync('/proc/sys/kernel/osrelease', 'r');
  try {
    await using one = await rig({ sockets: given({ a: [first], b: [second] }), ...more });
    const spec = shell(TELL, { sockets: ['b', 'a'], ...options });
    const pid = await one.start(spec);
    const text = await waitFor('its words', async () => {
      const lines = (await one.output()).split('\n');
      return lines.length > 3 && lines;
    });
    assert.equal(text[2], 'Linux', 'the second is a');
    return { pid, words: text[0]?.split(' ') };
  } finally {
    closeSync(first);
    closeSync(second);
  }
}

test('LISTEN_PID is the number of the service, whatever stands in front of its command', async () => {
  for (const launch of [
    {},
    { umask: 0o7, nice: 3, env: { LISTEN_PID: '1', LISTEN_FDS: '9' } },
    { env: { 'a.b': 'c' } },
  ]) {
    const { pid, words } = await said(launch);
    assert.deepEqual(words, [String(pid), String(pid), '2', 'b:a', '']);
  }
});

test('as another user, too', { skip: needsRoot }, async () => {
  const { pid, words } = await said({ user: 'nobody', cwd: '/' });
  assert.deepEqual(words, [String(pid), String(pid), '2', 'b:a', '']);
});

test('one whose socket is not there is not spawned, and will not be', async () => {
  await using one = await rig();
  one.processes.spawn('web', 1, serviceSpec(['true'], { sockets: ['a'] }));
  const { kind, message } = await one.event('spawn_failed');
  assert.equal(kind, 'permanent');
  assert.match(message, /no socket named "a"; it was given none at all/);
});
