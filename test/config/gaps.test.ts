// A file that could not be read: what is wrong with the rest is told all the same, what may be in it is not missed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linesOf, load, problemsOf, type Texts } from './loading.ts';

const BASE = `[daemon]
log_dir = "/file"
[services.web]
command = ["nothing"]
cwd = "/gone"
user = "ghost"
depends_on = ["db"]
[services.db]
nice = 3
ready = "heartbeat"
`;

const FACTS: Texts['facts'] = {
  look: (path) => (path === '/gone' ? 'missing' : path === '/file' ? 'other' : 'directory'),
  whyNotExecutable: (file) => (file === 'nothing' ? 'nothing is not in PATH' : null),
  hasUser: () => false,
};

const keysOf = (texts: Omit<Texts, 'facts'>) =>
  problemsOf({ ...texts, facts: FACTS })
    .map(({ key }) => key)
    .toSorted();

/** What is written and cannot work. */
const WRITTEN = ['daemon.log_dir', 'services.web.command', 'services.web.cwd', 'services.web.user'];
/** What is not there, of services that were read. */
const MISSING = ['services.db.command', 'services.db.ready.on'];
const ALL = [...WRITTEN, ...MISSING].toSorted();

test('an include that cannot be read hides nothing of the services that were read', () => {
  assert.deepEqual(keysOf({ base: BASE }), ALL);
  assert.deepEqual(keysOf({ base: BASE, unread: ['include'] }), ALL);
  assert.deepEqual(keysOf({ base: BASE, includes: { 'a.toml': 'a = ' } }), ['a', ...ALL]);
});

test('services that may be in an unread include are not said to be unknown, nor is what else speaks of them wrong', () => {
  const texts: Texts = {
    base: `${BASE.replace('"db"', '"cache"')}[[daemon.on_event]]\nwhen = ["failed"]\nservices = ["cache"]\nexec = ["x"]\n`,
    secret: '[services.api]\numask = "077"\n[services.api.env]\nA = "1"\n',
    env: { OPSD__SERVICES__API__NICE: '3', OPSD__SERVICES__OTHER__NICE: '3' },
  };
  const found = keysOf(texts);
  assert.ok(found.includes('services.web.depends_on') && found.includes('services.api.command') && found.includes(''));
  assert.deepEqual(keysOf({ ...texts, unread: ['include'] }), ALL);
  assert.deepEqual(linesOf(load({ ...texts, unread: ['include'], facts: FACTS }).warnings), []);
  const secret = '[services.api]\nnice = "x"\n';
  assert.deepEqual(keysOf({ ...texts, secret, unread: ['include'] }), ['services.api.nice', ...ALL].toSorted());
});

test('an env.toml that cannot be read hides only what it may add', () => {
  assert.deepEqual(keysOf({ base: BASE, unread: ['secret'] }), WRITTEN);
  assert.deepEqual(keysOf({ base: BASE, secret: 'a = ' }), ['a', ...WRITTEN]);
  const base = `${BASE.replace('"db"', '"dbb"')}`;
  assert.deepEqual(keysOf({ base, unread: ['secret'] }), [...WRITTEN, 'services.web.depends_on'].toSorted());
  const hooks = '[[daemon.on_event]]\nname = "pager"\nwhen = ["failed"]\n';
  assert.ok(keysOf({ base: `${hooks}${BASE}` }).includes('daemon.on_event'), 'it has no webhook');
  assert.deepEqual(keysOf({ base: `${hooks}${BASE}`, unread: ['secret'] }), WRITTEN);
  for (const line of ['ready = "tcp"', 'ready = "http"', 'health = { failures = 2 }', 'health = { http = "/x" }']) {
    assert.deepEqual(keysOf({ base: `[services.api]\ncommand = "x"\n${line}\n`, unread: ['secret'] }), [], line);
  }
});

test('without config.toml only the form of the rest is judged', () => {
  const texts = {
    base: '[',
    includes: { 'a.toml': BASE.replace(/^.*\n.*\n/, '') },
    env: { OPSD__SERVICES__X__NICE: '3' },
  };
  assert.deepEqual(keysOf(texts), ['']);
  assert.deepEqual(keysOf({ ...texts, secret: '[services.web]\nnice = "x"\n' }), ['', 'services.web.nice']);
});
