// What is asked of services' users, together and once each, and where the answers are told; what --deploy warns of.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Facts, UserQuestion } from '../../src/config/check/host-facts.ts';
import { loadConfig } from '../../src/config/load.ts';
import { parseDocument } from '../../src/config/source/parse.ts';
import { fineFacts, linesOf, load, NO_POWERS, problemsOf } from './loading.ts';

/** Facts that say no to everything, and what they were asked. */
function refusing(isOfFolder = false) {
  const asked: (readonly [string | null, readonly UserQuestion[]])[] = [];
  const facts: Partial<Facts> = {
    whyUserMayNot({ user }, questions) {
      asked.push([user, questions]);
      return questions.map(({ program }) => ({ isOfFolder, why: isOfFolder ? 'closed' : `${program} is closed` }));
    },
  };
  return { asked, facts };
}

const base = `[services.web]
command = ["web"]
user = "web"
cwd = "/a"
before_start = ["prepare"]
instances = 3
[services.other]
command = ["other"]
user = "web"
cwd = "/b"
env = { PATH = "/x" }
[services.wrapped]
command = ["inside"]
wrapper = ["bwrap"]
user = "web"
cwd = "/b"
[services.ours]
command = ["ours"]
[services.off]
command = ["off"]
group = "ops"
enabled = false
cwd = "/b"
`;

test('one user is asked once, the same question once; answers stand at the keys they are of', () => {
  const { asked, facts } = refusing();
  const { problems, warnings } = { warnings: load({ base, facts }).warnings, problems: problemsOf({ base, facts }) };
  const question = (cwd: string, program: string, searchPath: string | null = null) => ({ cwd, program, searchPath });
  assert.deepEqual(asked.slice(0, 2), [
    ['web', [question('/a', 'web'), question('/a', 'prepare'), question('/b', 'other', '/x'), question('/b', 'bwrap')]],
    [null, [question('/b', 'off')]],
  ]);
  assert.deepEqual(linesOf(problems), [
    'config.toml:2 services.web.command web is closed',
    'config.toml:5 services.web.before_start.command prepare is closed',
    'config.toml:8 services.other.command other is closed',
    'config.toml:14 services.wrapped.wrapper bwrap is closed',
  ]);
  assert.ok(linesOf(warnings).includes('config.toml:20 services.off.command off is closed'), linesOf(warnings).join());
});

test('a folder that may not be entered is told at cwd, once', () => {
  const { facts } = refusing(true);
  const problems = linesOf(problemsOf({ base, facts }));
  assert.deepEqual(problems, [
    'config.toml:4 services.web.cwd closed',
    'config.toml:10 services.other.cwd closed',
    'config.toml:16 services.wrapped.cwd closed',
  ]);
});

test('what opsd itself cannot do is told once, and nobody is asked', () => {
  const noes: readonly Partial<Facts>[] = [{ look: () => 'missing' }, { whyNotExecutable: () => 'is not there' }];
  for (const no of noes) {
    const { asked, facts } = refusing();
    problemsOf({ base, facts: { ...facts, ...no } });
    assert.deepEqual(
      asked.flatMap(([, questions]) => questions),
      [],
    );
  }
  const { asked, facts } = refusing();
  assert.deepEqual(
    problemsOf({ base: base.replaceAll(/^group.*\n/gm, ''), facts: { ...facts, isSelf: () => true } }),
    [],
  );
  assert.deepEqual(asked, []);
});

test('deploy: what runs as root under root', () => {
  const text = `[services.web]
command = ["web"]
[services.db]
command = ["db"]
user = "db"
[services.zero]
command = ["zero"]
user = "root"
`;
  const warningsOf = (isForDeployment: boolean, facts: Partial<Facts> = {}) => {
    const document = parseDocument(text, 'config.toml', false);
    const sources = {
      files: [{ role: 'base' as const, document }],
      ...{ problems: [], unread: new Set<never>(), env: {}, workDir: '/work', prefix: '/srv', allowEmpty: false },
    };
    return linesOf(loadConfig({ ...sources, isForDeployment }, fineFacts(facts)).warnings);
  };
  const why = 'it runs as root, and whoever takes it over has the host; give it a user of its own (adduser --system)';
  assert.deepEqual(warningsOf(true), [
    `config.toml:1 services.web.user ${why}`,
    `config.toml:8 services.zero.user ${why}`,
  ]);
  assert.deepEqual(warningsOf(false), []);
  assert.deepEqual(warningsOf(true, { privileges: () => NO_POWERS, isSelf: () => true }), []);
});
