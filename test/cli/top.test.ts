// `ctl top` on a real terminal (tmux): what is seen, what keys do, and that the terminal is as it was afterwards.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { service, UP } from '../http/fake-control.ts';
import { waitFor } from '../support/wait.ts';
import { type Daemon, fakeDaemon } from './daemon.ts';

const skip = existsSync('/usr/bin/tmux') ? false : 'tmux is not installed';
const MAIN = join(import.meta.dirname, '../../src/main.ts');

/** A shell in a terminal of 100 x 20; `t` is its prompt. */
async function terminal(daemon: Daemon) {
  const socket = join(daemon.prefix, 'tmux');
  const tmux = async (...args: string[]) => {
    const env = { PATH: process.env.PATH, PREFIX: daemon.prefix, TERM: 'xterm-256color', LANG: 'C.UTF-8', PS1: 't ' };
    return (await promisify(execFile)('tmux', ['-S', socket, '-f', '/dev/null', ...args], { env })).stdout;
  };
  await tmux('-u', 'new-session', '-d', '-x', '100', '-y', '20', 'exec sh');
  const screen = () => tmux('capture-pane', '-p');
  return {
    screen,
    keys: (...keys: string[]) => tmux('send-keys', ...keys),
    sees: (pattern: RegExp) => waitFor(`${pattern} on the screen`, async () => (await screen()).match(pattern)),
    start: () =>
      tmux(
        'send-keys',
        `stty -a >${daemon.prefix}/before; ${process.execPath} ${MAIN} ctl top; echo "ended $?"; stty -a | cmp - ${daemon.prefix}/before && echo same`,
        'Enter',
      ),
    cursor: async () => (await tmux('display-message', '-p', '#{cursor_flag} #{alternate_on} #{wrap_flag}')).trim(),
    async pidOfTop() {
      const shell = (await tmux('display-message', '-p', '#{pane_pid}')).trim();
      return Number((await promisify(execFile)('pgrep', ['-P', shell])).stdout.trim());
    },
    [Symbol.asyncDispose]: async () => void (await tmux('kill-server')),
  };
}

/** Main screen again, cursor there, settings of the terminal untouched. */
async function assertRestored(term: Awaited<ReturnType<typeof terminal>>, code: number): Promise<void> {
  await term.sees(new RegExp(`ended ${code}`));
  await term.sees(/^same$/m);
  assert.doesNotMatch(await term.screen(), /NAME +STATE/);
  assert.equal(await term.cursor(), '1 0 1');
}

const services = () => [
  service('web', { ...UP, cpu_ratio: 0.5, memory_bytes: 50_000_000 }),
  service('db', { ...UP, cpu_ratio: 0.1, memory_bytes: 90_000_000 }),
];

test('shows, sorts, filters, asks before it restarts, and leaves the terminal as it was', { skip }, async () => {
  await using daemon = await fakeDaemon(services());
  await using term = await terminal(daemon);
  await term.start();
  await term.sees(
    /opsd 0\.1\.0, pid .*2 services, 2 running[\s\S]*NAME +STATE[\s\S]*>web +running .*50\.0 % .*█.* 48 M .*█/,
  );
  assert.equal(await term.cursor(), '0 1 0');
  await term.keys('m');
  await term.sees(/ db +running[\s\S]*>web +running/);
  await term.keys('/', 'd', 'b', 'Enter');
  await term.sees(/only what has "db"/);
  assert.doesNotMatch(await term.screen(), /^.web /m);
  await term.keys('r');
  await term.sees(/restart db\? y: yes/);
  await term.keys('n');
  await term.sees(/q quit/);
  assert.deepEqual(daemon.control.orders, []);
  await term.keys('r', 'y');
  await term.sees(/restart db: done/);
  assert.match(daemon.control.orders.join(), /^restart db by /);
  await term.keys('q');
  await assertRestored(term, 0);
});

test('SIGINT as a key and as a signal leave the terminal as it was', { skip }, async () => {
  await using daemon = await fakeDaemon(services());
  await using term = await terminal(daemon);
  for (const end of ['key', 'signal']) {
    await term.keys('clear', 'Enter');
    await term.start();
    await term.sees(/>web +running/);
    if (end === 'key') await term.keys('C-c');
    else process.kill(await term.pidOfTop(), 'SIGINT');
    await assertRestored(term, 0);
  }
});

test('a lost daemon is waited for, then told on the terminal as it was', { skip, timeout: 60_000 }, async () => {
  await using daemon = await fakeDaemon(services());
  await using term = await terminal(daemon);
  await term.start();
  await term.sees(/>web +running/);
  await daemon.end();
  await term.sees(/opsd is not running/);
  await waitFor('its end', async () => /ended 2/.test(await term.screen()), 20_000);
  await assertRestored(term, 2);
  await term.sees(/opsd: opsd is not running/);
});

test('without a terminal it says what to use instead', async () => {
  await using daemon = await fakeDaemon(services());
  const { code, err } = await daemon.ctl('top');
  assert.deepEqual([code, /top needs a terminal.*ctl status --watch/.test(err)], [1, true]);
});
