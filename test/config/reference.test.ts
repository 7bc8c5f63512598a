// docs/configuration.md: its reference is what the schema says; the TOML samples of all documents are configurations.

import { strict as assert } from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { jsonSchema } from '../../src/config/schema/schema.ts';
import { documents } from '../support/documents.ts';
import { linesOf, load } from './loading.ts';
import { reference } from './reference.ts';

const REFERENCE = join(import.meta.dirname, '../../docs/configuration.md');
const SCHEMA = join(import.meta.dirname, '../../docs/schema.json');

test('the reference in docs/configuration.md is what the schema says', () => {
  const wanted = reference();
  const text = readFileSync(REFERENCE, 'utf8');
  const [, before, after] = /^([\s\S]*<!-- reference -->\n)[\s\S]*?(\n<!-- \/reference -->[\s\S]*)$/.exec(text) ?? [];
  assert.ok(before !== undefined && after !== undefined, 'docs/configuration.md has a place for the reference');
  const renewed = `${before}${wanted}${after}`;
  // A review sees the difference.
  if (process.env.UPDATE === '1') writeFileSync(REFERENCE, renewed);
  else assert.equal(text, renewed, 'run UPDATE=1 node --test test/config/reference.test.ts, and read what changed');
});

test('docs/schema.json is what opsd schema prints', () => {
  const wanted = `${JSON.stringify(jsonSchema(), null, 2)}\n`;
  if (process.env.UPDATE === '1') writeFileSync(SCHEMA, wanted);
  assert.equal(readFileSync(SCHEMA, 'utf8'), wanted, 'run UPDATE=1 node --test test/config/reference.test.ts');
});

test('every key has a meaning and a form in it', () => {
  const rows = reference()
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  assert.ok(rows.length > 80, `${rows.length} keys`);
  for (const row of rows) {
    // A bar in a cell is escaped.
    const [, key = '', form = '', , meaning = ''] = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
    assert.ok(form !== '' && !form.includes('undefined'), `${key} has no form`);
    const isPart = key.startsWith('`on_event');
    assert.ok(
      isPart || (meaning.length > 10 && meaning.length < 340),
      `${key}: ${meaning.length} characters of meaning`,
    );
  }
});

test('each TOML sample of the documents is a configuration without a problem', () => {
  const texts = documents().map((path) => readFileSync(path, 'utf8'));
  const samples = texts.flatMap((text) =>
    [...text.matchAll(/^```toml\n([\s\S]*?)^```$/gm)].map(([, toml = '']) => toml),
  );
  assert.ok(samples.length > 5);
  for (const sample of samples) {
    // Services that a sample only names.
    const named = ['web', 'db', 'network', 'migrate', 'cache'].filter((name) => !sample.includes(`[services.${name}]`));
    const others = named.map((name) => `[services.${name}]\ncommand = "true"\nrestart = "on-failure"\n`).join('');
    // What env.toml adds to a hook that config.toml has.
    const isAddition = sample.includes('[daemon.on_event_secrets.pager]') && !sample.includes('[[daemon.on_event]]');
    const hook = '[[daemon.on_event]]\nname = "pager"\nwhen = ["failed"]\nwebhook = "https://pager.example/"\n';
    const result = load(`${isAddition ? hook : ''}${sample}\n${others}`);
    const told = [...(result.ok ? [] : result.problems), ...result.warnings];
    assert.deepEqual(linesOf(told), []);
  }
});
