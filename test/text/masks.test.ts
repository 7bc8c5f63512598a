// Secrets are found in texts in whatever form they take there, and nothing else is taken out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hideAll, SecretMasks, SHORTEST } from '../../src/text/masks.ts';
import { withoutPasswords } from '../../src/text/url-passwords.ts';
import { formsOf } from '../security/everything-told.ts';

const masksOf = (...texts: string[]) => new SecretMasks(new Set(texts));
const secret = () =>
  fc
    .oneof(
      fc.string({ minLength: SHORTEST, maxLength: 40 }),
      fc.string({ unit: 'grapheme', minLength: 8, maxLength: 30 }),
    )
    .filter((text) => text.trim().length >= SHORTEST && !text.includes('[') && text.isWellFormed());

test('a secret is taken out of the text around it, and so is the longer one of two', () => {
  const masks = masksOf('hunter2', 'hunter2-and-more', 'more-words');
  assert.equal(masks.hide('the password is hunter2!'), 'the password is [redacted]!');
  assert.equal(masks.hide('hunter2-and-more'), '[redacted]');
  assert.equal(masks.hide('hunter2-and-more-words'), '[redacted]', 'what overlaps goes as one');
  assert.equal(masks.hide('hunter'), 'hunter');
  assert.equal(masks.hide('hunter2hunter2'), '[redacted][redacted]');
  assert.equal(masks.hide(''), '');
  assert.equal(new SecretMasks(new Set()).hide('hunter2'), 'hunter2');
});

test('no form of a secret is left, whatever stands around it', () => {
  fc.assert(
    fc.property(
      fc.array(secret(), { minLength: 1, maxLength: 20 }),
      fc.string(),
      fc.string(),
      (secrets, before, after) => {
        const masks = masksOf(...secrets);
        for (const one of secrets) {
          const around = [before, after].map((text) => text.replaceAll('[', ''));
          const base64 = Buffer.from(`${around[0]}${one}${around[1]}`).toString('base64');
          const told = [one, JSON.stringify(one), JSON.stringify(JSON.stringify(one)), encodeURIComponent(one), base64];
          for (const text of told.map((form) => `${around[0]} ${form} ${around[1]}`)) {
            assert.equal(masks.finds(text), true, text);
            const hidden = masks.hide(text).replaceAll('[redacted]', '[]');
            for (const form of Object.values(formsOf(one)).flat())
              assert.ok(!hidden.includes(form), `${form} in ${hidden}`);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('a text without a secret is as it was', () => {
  fc.assert(
    fc.property(fc.array(secret(), { maxLength: 50 }), fc.string({ maxLength: 200 }), (secrets, text) => {
      const forms = secrets.flatMap((one) => [one.trim(), ...Object.values(formsOf(one)).flat()]);
      fc.pre(!forms.some((form) => text.includes(form.slice(0, SHORTEST))) && !text.includes('://'));
      assert.equal(masksOf(...secrets).hide(text), text);
    }),
  );
});

test('of a text that was cut the beginning of a secret goes, too', () => {
  const masks = masksOf('hunter2-and-more');
  assert.equal(masks.hideCut('the password is hunter2-an'), 'the password is [redacted]');
  assert.equal(masks.hideCut('hunter2-and-more, then hunter2'), '[redacted], then [redacted]');
  assert.equal(masks.hideCut('the hunter'), 'the [redacted]');
  assert.equal(masks.hideCut('a hunt'), 'a hunt', 'too short to be known');
});

test('in JSON only texts are masked, not names, nor numbers', () => {
  const value = { hunter2: [{ a: 'is hunter2', b: 12_345_678, c: null }], d: '12345678' };
  const masks = masksOf('hunter2', '12345678');
  assert.deepEqual(hideAll(value, masks), {
    hunter2: [{ a: 'is [redacted]', b: 12_345_678, c: null }],
    d: '[redacted]',
  });
  const clean = { a: 'nothing' };
  assert.equal(hideAll(clean, masks), clean);
});

test('URLs lose their password, and on the web the user that may be a token', () => {
  const told: Readonly<Record<string, string>> = {
    'at postgres://me:p@db/x now': 'at postgres://me:[redacted]@db/x now',
    'redis://:p@h:6379/0': 'redis://:[redacted]@h:6379/0',
    'https://tok@h/x': 'https://[redacted]@h/x',
    'https://me:p@h:1/x?a=b@c': 'https://[redacted]@h:1/x?a=b@c',
    'amqp://u:p/w@rd@h/x': 'amqp://u:[redacted]@h/x',
    'mongodb+srv://u:p%40@h1,h2/x': 'mongodb+srv://u:[redacted]@h1,h2/x',
    'a:1 http://h:80/me@x': 'a:1 http://h:80/me@x',
    'http://a://u:p@h': 'http://a://u:[redacted]@h',
    'https://u:p@h/?next=redis://:q@i/': 'https://[redacted]@h/?next=redis://:[redacted]@i/',
    'ssh://git@h/x': 'ssh://git@h/x',
    '"a://u:p@h","b://u:q@h"': '"a://u:[redacted]@h","b://u:[redacted]@h"',
    'me@example.org': 'me@example.org',
  };
  for (const [text, shown] of Object.entries(told)) {
    assert.equal(withoutPasswords(text), shown);
    assert.equal(withoutPasswords(shown), shown, 'once is enough');
    assert.equal(masksOf().hide(text), shown);
  }
});

test('what is long and of one kind is searched in no time', () => {
  const masks = masksOf('aaaaaab', 'abababab', 'secret-of-many');
  const before = process.cpuUsage();
  for (const text of ['a'.repeat(200_000), 'ab'.repeat(100_000), '://'.repeat(60_000), 'a:'.repeat(100_000)])
    masks.hide(text);
  const { user } = process.cpuUsage(before);
  assert.ok(user < 2_000_000, `${user} µs of CPU`);
});
