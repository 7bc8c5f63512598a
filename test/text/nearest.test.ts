// The word that was meant.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, nearest } from '../../src/text/nearest.ts';

const KEYS = ['command', 'cwd', 'env', 'env_file', 'stop_timeout', 'stop_signal', 'heartbeat'];

test('a slip, a swap, a letter too many or too few lead to the word', () => {
  for (const [word, meant] of [
    ['comand', 'command'],
    ['commnad', 'command'],
    ['stop_timout', 'stop_timeout'],
    ['Heartbeat', 'heartbeat'],
    ['envfile', 'env_file'],
    ['cdw', 'cwd'],
  ] as const) {
    assert.equal(nearest(word, KEYS), meant, word);
  }
});

test('what is far from all of them leads nowhere', () => {
  assert.equal(nearest('autostart', KEYS), null);
  assert.equal(didYouMean('zzz', KEYS), '');
  assert.equal(nearest('', ['u', ...KEYS]), null);
});

test('the nearest of several is named', () => {
  assert.equal(didYouMean('stop_signl', KEYS), 'did you mean "stop_signal"?');
});

test('a word of any length is answered at once', () => {
  assert.equal(
    nearest(
      'x'.repeat(1_000_000),
      Array.from({ length: 1000 }, (_, n) => `service-${n}`),
    ),
    null,
  );
});
