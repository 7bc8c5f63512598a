// Env files as systemd itself reads them: where opsd has no doubt, the values are the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEnvFile } from '../../src/config/source/env-file.ts';
import { container } from './container.ts';

const SOURCES: readonly string[] = [
  'plain',
  'two words',
  "it's",
  'a=b',
  '"^\\d+$"',
  '"a # b"',
  "'a # b'",
  '"one\ntwo"',
  "'one\n two\n'",
  '"a\\nb"',
  '"say \\"x\\" \\\\ \\$y"',
  '\'\\d "x" $HOME\'',
  '',
  '""',
  'a;b',
  'value # comment',
  '"value" # comment',
  'a#b',
  'one\\\ntwo',
  '"one\\\n  two"',
  '^\\d+$',
  '$HOME/x',
  "'C:\\'",
  '`x`',
];

/** systemd reads these as opsd does; who reads them otherwise is Compose, dotenv or a shell. */
const NOT_SYSTEMD = /^(?!.*systemd (takes|ignores|drop|and shells (take|drop)))/;

test('what systemd makes of a line is what opsd makes of it, or opsd says that it is not', async () => {
  await using host = await container();
  const text = SOURCES.map((source, place) => `V${place}=${source}\n`).join('');
  await host.sh(`cat > /run/vars <<'END-OF-FILE'\n${text}END-OF-FILE`);
  const shown = await host.sh('systemd-run --wait --pipe --quiet -p EnvironmentFile=/run/vars env -0 | base64 -w0');
  const pairs = Buffer.from(shown.trim(), 'base64').toString().split('\0');
  const bySystemd = new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
  for (const [place, source] of SOURCES.entries()) {
    const { variables, doubts } = parseEnvFile(`V=${source}\n`);
    const isSame = variables[0]?.value === bySystemd.get(`V${place}`);
    const isDoubted = doubts.some(({ message }) => !NOT_SYSTEMD.test(message));
    assert.equal(isSame, !isDoubted, `${JSON.stringify(source)}: systemd has ${bySystemd.get(`V${place}`)}`);
  }
});
