// `sockets`: names of listening sockets that a service asks for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsNewProcess } from '../../src/core/model/changes.ts';
import { assertOnly, linesOf, load, problemsOf, serviceOf } from './loading.ts';

const web = (sockets: string) => `[services.web]\ncommand = ["true"]\nsockets = ${sockets}\n`;

test('names as systemd has them, each once, in their order', () => {
  assert.deepEqual(serviceOf(web('["web", "opsd.socket", "web", "a b"]')).launch.sockets, [
    'web',
    'opsd.socket',
    'a b',
  ]);
  assert.deepEqual(serviceOf('[services.web]\ncommand = ["true"]\n').launch.sockets, []);
});

test('what is no list of names is told', () => {
  for (const bad of ['"web"', '[""]', '["a:b"]', '["é"]', '[1]', '["a\\n"]']) {
    assertOnly(
      problemsOf(web(bad)),
      'config.toml:3 services.web.sockets',
      /^expected a list of names such as \["web"\]/,
    );
  }
});

test('a change takes a new process, and without any it is as it always was', () => {
  const [none, one, two] = ['[]', '["a"]', '["a", "b"]'].map((sockets) => serviceOf(web(sockets)));
  assert.ok(none && one && two);
  assert.ok(needsNewProcess(one, two) && needsNewProcess(none, one));
  assert.ok(!needsNewProcess(none, serviceOf('[services.web]\ncommand = ["true"]\n')));
  assert.equal(none.effective.has('sockets'), false);
});

test('one that opsd was not given is doubtful where that is known', () => {
  const doubts = (known: readonly string[] | null) =>
    linesOf(load({ base: web('["web"]'), facts: { sockets: () => known } }).warnings);
  assert.deepEqual(doubts(null), []);
  assert.deepEqual(doubts(['web', 'other']), []);
  assert.deepEqual(doubts(['webb']), [
    'config.toml:3 services.web.sockets no socket is named "web", and the service cannot start without it; opsd is given "webb"; did you mean "webb"?',
  ]);
  assert.deepEqual(doubts([]), [
    'config.toml:3 services.web.sockets no socket is named "web", and the service cannot start without it; opsd is given no sockets; start a .socket unit with that FileDescriptorName= before opsd',
  ]);
});
