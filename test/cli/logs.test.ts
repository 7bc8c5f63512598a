// `opsd ctl logs`: bytes as they are, times of the daemon, and several logs in one order.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { timestamp } from '../../src/os/own-log/timestamp.ts';
import { service, UP } from '../http/fake-control.ts';
import { waitFor } from '../support/wait.ts';
import { type Daemon, fakeDaemon } from './daemon.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');
const up = (name: string) => service(name, UP);

function log(daemon: Daemon, name: string, text: string | Uint8Array): string {
  const file = join(daemon.prefix, `${name}.log`);
  writeFileSync(file, text);
  daemon.control.logFiles.set(name, file);
  return file;
}

/** Runs ctl in another zone, its output going into a file. */
async function intoFile(daemon: Daemon, args: readonly string[], TZ = 'UTC'): Promise<Buffer> {
  const out = join(daemon.prefix, 'out');
  const command = `exec "$0" "$@" > ${out}`;
  const child = spawn('sh', ['-c', command, process.execPath, MAIN, 'ctl', ...args], {
    env: { PATH: process.env.PATH, PREFIX: daemon.prefix, TZ },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise((finish) => child.once('exit', finish));
  assert.equal(code, 0);
  return readFileSync(out);
}

test('logs into a file are the bytes of the log', async () => {
  await using daemon = await fakeDaemon([up('web'), up('db')]);
  const everything = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const bodies = [
    Buffer.concat([everything, Buffer.from([10, 0xff, 0xfe, 10])]),
    Buffer.from('caf\xe9\nGr\xfc\xdfe\n', 'latin1'),
    Buffer.concat([Buffer.alloc(3 << 20, 0xe9), Buffer.from('\nlast without a newline')]),
    Buffer.from('\xf0\x9f\n\x80\n', 'latin1'),
  ];
  for (const body of bodies) {
    log(daemon, 'web', body);
    assert.ok(body.equals(await intoFile(daemon, ['logs', 'web'])), body.subarray(0, 20).toString('hex'));
  }
  log(daemon, 'web', Buffer.from('a\xff\n', 'latin1'));
  log(daemon, 'db', Buffer.from('\xe9', 'latin1'));
  const both = await intoFile(daemon, ['logs', 'web', 'db']);
  assert.equal(both.toString('latin1'), 'web | a\xff\ndb  | \xe9\n');
});

test('--since reads times as opsd wrote them, wherever the reader is', async () => {
  await using daemon = await fakeDaemon([up('web')]);
  const line = (minutes: number) => `${timestamp(Date.now() - minutes * 60_000)} ${minutes} minutes ago\n`;
  log(daemon, 'web', [90, 50, 10, 1].map(line).join(''));
  for (const zone of ['UTC', 'Asia/Tokyo', 'America/Los_Angeles', 'Asia/Kolkata']) {
    const shown = (await intoFile(daemon, ['logs', 'web', '--since', '1h'], zone)).toString();
    assert.deepEqual(
      shown.split('\n').map((text) => text.slice(20)),
      ['50 minutes ago', '10 minutes ago', '1 minutes ago', ''],
      zone,
    );
  }
});

test('logs of several services are in the order of their times; lines without one stay behind their own', async () => {
  await using daemon = await fakeDaemon([up('web'), up('db'), up('raw')]);
  log(daemon, 'web', 'Nov 28 10:00:01.000 w1\n  at w1\nNov 28 10:00:03.000 w2\n');
  log(daemon, 'db', 'Nov 28 10:00:00.500 d0\nNov 28 10:00:02.000 d1\nNov 28 10:00:04.000 d2\n');
  const expected = ['db  | d0', 'web | w1', 'web |   at w1', 'db  | d1', 'web | w2', 'db  | d2', ''];
  const { out, err } = await daemon.ctl('logs', 'web', 'db');
  assert.deepEqual(
    out.split('\n').map((text) => text.replace(/Nov 28 [\d:.]+ /, '')),
    expected,
  );
  assert.equal(err, '');
  log(daemon, 'raw', 'no time\n');
  const mixed = await daemon.ctl('logs', 'web', 'db', 'raw', '-n', '1');
  assert.deepEqual(
    mixed.out.split('\n').map((text) => text.replace(/Nov 28 [\d:.]+ /, '')),
    ['raw | no time', 'web | w2', 'db  | d2', ''],
  );
  assert.match(mixed.err, /the lines of raw have no times and come first; set log\.timestamps = true/);
});

test('the order holds over New Year and over the years', async () => {
  await using daemon = await fakeDaemon([up('web'), up('db')]);
  const web = log(daemon, 'web', 'Dec 31 23:59:59.000 old\nJan 01 00:00:02.000 new\n');
  const db = log(daemon, 'db', 'Jan 01 00:00:01.000 between\n');
  execFileSync('touch', ['-d', '2026-01-01T00:00:03Z', web, db]);
  const { out } = await daemon.ctl('logs', 'web', 'db');
  assert.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .map((text) => text.split(' ').at(-1)),
    ['old', 'between', 'new'],
  );
});

test('followed logs of several services are put in order as they come', async () => {
  await using daemon = await fakeDaemon([up('web'), up('db')]);
  const web = log(daemon, 'web', 'Nov 28 10:00:02.000 two\n');
  const db = log(daemon, 'db', 'Nov 28 10:00:01.000 one\n');
  const child = spawn(process.execPath, [MAIN, 'ctl', 'logs', '-f', 'web', 'db'], {
    env: { PATH: process.env.PATH, PREFIX: daemon.prefix },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  const words = () =>
    out
      .trimEnd()
      .split('\n')
      .map((text) => text.split(' ').at(-1));
  await waitFor('what is there', () => words().length === 2);
  appendFileSync(db, 'Nov 28 10:00:03.000 three\n');
  await waitFor('the next', () => words().length === 3);
  appendFileSync(web, 'Nov 28 10:00:04.000 four\n');
  await waitFor('the last', () => words().length === 4);
  child.kill('SIGINT');
  assert.equal(await new Promise((finish) => child.once('exit', finish)), 0);
  assert.deepEqual(words(), ['one', 'two', 'three', 'four']);
});
