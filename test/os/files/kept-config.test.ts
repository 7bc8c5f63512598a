// The configuration last in force on disk: only opsd reads it, and nothing but what opsd wrote is believed.

import assert from 'node:assert/strict';
import { chmodSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type KeptConfig,
  keptConfigPath,
  keptText,
  readKeptConfig,
  tooLarge,
  writeKeptConfig,
} from '../../../src/os/files/kept-config.ts';
import { scratch } from '../../support/scratch.ts';

const KEPT: KeptConfig = {
  files: [
    { role: 'base', where: 'cfg/config.toml', text: '[services.web]\ncommand = ["true"]\n' },
    { role: 'secret', where: '/srv/key/env.toml', text: 'a = "ß\\u0000"' },
  ],
  texts: [['["web.env",null,null]', 'PORT=80\n']],
  variables: { OPSD__DAEMON__HTTP: '""' },
};

test('what was kept is read again, and has the mode of env.toml', async () => {
  await using folder = await scratch();
  const path = keptConfigPath(folder.path);
  writeKeptConfig(path, keptText(KEPT));
  assert.deepEqual(readKeptConfig(path), { ok: true, kept: KEPT });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  writeKeptConfig(path, keptText({ ...KEPT, files: [] }));
  assert.deepEqual(readKeptConfig(path), { ok: true, kept: { ...KEPT, files: [] } });
});

test('however large the env_files are, the configuration is kept, and with it the smallest of them', async () => {
  await using folder = await scratch();
  const path = keptConfigPath(folder.path);
  const text = (count: number, size: number, of: string) => {
    const whole = of.repeat(size);
    return Array.from({ length: count }, (_, n) => [`["${size}-${n}.env",null,null]`, whole] as const);
  };
  const small = text(100, 4_000, 'x');
  for (const [texts, left] of [
    [text(90, 1 << 20, '\u0001'), 0],
    [text(1_000, 1 << 20, 'x'), 0],
    [text(1, (128 << 10) + 1, 'x'), 0],
    [text(1, 128 << 10, 'x'), 1],
    // As JSON each takes six times as much.
    [text(90, 128 << 10, '\u0001'), 10],
    [text(90, 128 << 10, 'x'), 60],
  ] as const) {
    const kept = { ...KEPT, texts: [...texts, ...small] };
    writeKeptConfig(path, keptText(kept));
    const found = readKeptConfig(path);
    assert.ok(found.ok);
    assert.deepEqual([found.kept.files, found.kept.variables], [KEPT.files, KEPT.variables]);
    assert.equal(found.kept.texts.length, left + small.length);
    assert.equal(tooLarge(kept.texts).length, texts.length - left);
    assert.ok(small.every(([key]) => found.kept.texts.some(([name]) => name === key)));
  }
});

test('what is too large as a whole is refused before it is put together', () => {
  const file = { role: 'include', where: 'a.toml', text: '\u0001'.repeat(4 << 20) } as const;
  for (const count of [2, 9, 500]) {
    const kept = { ...KEPT, files: Array.from({ length: count }, () => file) };
    assert.throws(() => keptText(kept), /more than 32 MiB/);
  }
});

test('what opsd did not write as it is now is not believed', async () => {
  await using folder = await scratch();
  const path = keptConfigPath(folder.path);
  const whole = keptText(KEPT);
  const bad: Record<string, [text: string, why: RegExp]> = {
    changed: [whole.replace('true', 'fals'), /its hash is wrong/],
    'cut off': [whole.slice(0, -20), /cut off/],
    empty: ['', /cut off/],
    'of another version': [whole.replace('"version":1', '"version":7'), /version 7, this opsd reads 1/],
    'of another form': [
      keptText(JSON.parse('{"files":[{"role":"boss","where":"","text":""}],"texts":[],"variables":{}}')),
      /contents are invalid/,
    ],
  };
  for (const [what, [text, why]] of Object.entries(bad)) {
    writeFileSync(path, text, { mode: 0o600 });
    const found = readKeptConfig(path);
    assert.ok(!found.ok && why.test(found.why), `${what}: ${JSON.stringify(found)}`);
  }
});

test('what others could have written is not believed, what is missing is told', async () => {
  await using folder = await scratch();
  const path = keptConfigPath(folder.path);
  assert.deepEqual(readKeptConfig(path), { ok: false, why: 'none is kept yet' });
  writeKeptConfig(path, keptText(KEPT));
  chmodSync(path, 0o620);
  assert.deepEqual(readKeptConfig(path), { ok: false, why: 'others than opsd can write it' });
  rmSync(path);
  symlinkSync('elsewhere', path);
  assert.equal(readKeptConfig(path).ok, false);
  writeKeptConfig(path, keptText(KEPT));
  assert.equal(readFileSync(join(folder.path, 'config-in-force.json'), 'utf8'), keptText(KEPT), 'the link is replaced');
});
