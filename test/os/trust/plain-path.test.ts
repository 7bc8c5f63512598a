// `..` in a path leads where the kernel goes, not where the text says.

import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { plainPath } from '../../../src/os/trust/plain-path.ts';
import { startOpsd } from '../../support/opsd.ts';
import { scratch } from '../../support/scratch.ts';
import { waitFor } from '../../support/wait.ts';

function makeTree(folder: string): void {
  for (const name of ['releases/5/app', 'common', 'releases/common', 'plain/deep']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  symlinkSync('releases/5', join(folder, 'current'));
  symlinkSync(join(folder, 'releases'), join(folder, 'plain/deep/all'));
}

test('behind a symbolic link, .. is the folder above what it leads to', async () => {
  await using folder = await scratch();
  const base = realpathSync(folder.path);
  makeTree(base);
  const rows = [
    ['current/../common', 'releases/common'],
    ['current/./../common/', 'releases/common'],
    ['current/app/../../common', 'releases/common'],
    ['current/..', 'releases'],
    ['plain/deep/all/../common', 'common'],
    ['current/../common/not/there', 'releases/common/not/there'],
    ['plain/../common', 'common'],
    ['plain/deep/../../current/app', 'current/app'],
    ['current', 'current'],
  ];
  for (const [written = '', meant = ''] of rows) {
    assert.equal(plainPath(base, written), join(base, meant), written);
    assert.equal(plainPath('/', join(base, 'x').replace(/x$/, '') + written), join(base, meant), written);
  }
  assert.equal(plainPath('/', '/../../etc'), '/etc');
  assert.equal(plainPath(base, 'gone/../common'), `${base}/gone/../common`, 'the kernel finds nothing there');
});

test('cwd, env_file, the command, log_dir, an include and PREFIX follow the kernel', async () => {
  const config = `include = ["../current/../more.toml"]
[daemon]
log_dir = "current/../log"
[services.web]
command = ["./../run", "x"]
cwd = "current/../common"
env_file = "../5/../web.env"
`;
  const script = '#!/bin/sh\npwd -P; echo "$FROM"; exec sleep 99\n';
  const files = {
    'releases/more.toml': '[services.more]\ncommand = ["sleep", "99"]\n',
    'more.toml': 'wrong = 1\n',
    'releases/run': script,
    'releases/web.env': 'FROM=here\n',
    'releases/common/.keep': '',
    'common/.keep': '',
    'log/.keep': '',
    'releases/log/.keep': '',
    'releases/5/.keep': '',
  };
  await using place = await startOpsd({ config: '[services.web]\ncommand = ["sleep", "99"]\n', files });
  await place.stop();
  symlinkSync('releases/5', join(place.dir, 'current'));
  writeFileSync(join(place.dir, 'cfg/config.toml'), config);
  await place.restart();
  await place.until('web', 'running');
  await place.until('more', 'running');
  const real = realpathSync(place.dir);
  await waitFor('its output', async () => (await place.read('releases/log/web.log')).includes('here'));
  assert.equal(await place.read('releases/log/web.log'), `${real}/releases/common\nhere\n`);
});
