// Which file `opsd check` reads, and where its relative paths begin: as the daemon of that file would.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configPlace } from '../../src/cli/config-place.ts';

const clone = '/home/ann/opsd';
const place = (asked: Partial<Parameters<typeof configPlace>[0]>) => {
  const usual = { config: undefined, cwd: undefined, workDir: clone, prefix: '/srv', isInstalled: false };
  const { configFile, workDir } = configPlace({ ...usual, ...asked });
  return `${configFile} in ${workDir}`;
};

test('without --config the sources read the file of the folder, an installed opsd its own', () => {
  assert.equal(place({}), 'cfg/config.toml in /home/ann/opsd');
  assert.equal(place({ isInstalled: true }), '/srv/opsd/cfg/config.toml in /srv/opsd');
  assert.equal(place({ isInstalled: true, config: 'cfg/config.toml' }), 'cfg/config.toml in /home/ann/opsd');
});

test('relative paths of DIR/cfg/config.toml begin in DIR, wherever the shell is', () => {
  assert.equal(place({ config: '/srv/opsd/cfg/config.toml' }), '/srv/opsd/cfg/config.toml in /srv/opsd');
  assert.equal(
    place({ config: '../shop/cfg/live.toml' }),
    '/home/ann/opsd/../shop/cfg/live.toml in /home/ann/opsd/../shop',
  );
  assert.equal(place({ config: 'cfg/live.toml' }), 'cfg/live.toml in /home/ann/opsd');
  assert.equal(place({ config: 'live.toml' }), 'live.toml in /home/ann/opsd');
  assert.equal(place({ config: '/etc/opsd.toml' }), '/etc/opsd.toml in /home/ann/opsd');
});

test('--cwd names the folder of the daemon', () => {
  assert.equal(place({ config: '/etc/opsd.toml', cwd: '/srv/opsd' }), '/etc/opsd.toml in /srv/opsd');
  assert.equal(place({ config: '/srv/opsd/cfg/config.toml', cwd: '.' }), '/srv/opsd/cfg/config.toml in /home/ann/opsd');
});
