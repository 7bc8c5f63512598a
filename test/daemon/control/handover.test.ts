// A handover is refused when the next opsd could not start: by the files, the address, the program.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Handover } from '../../../src/daemon/control/handover.ts';
import { aConfig, aService } from '../../simulation/specs.ts';

const PROBLEM = { where: 'cfg/config.toml', line: 1, key: '', message: 'is not TOML' };
const HTTP = { host: '127.0.0.1', port: 9000 };
const config = aConfig([aService('web')]);
const listening = { ...config, daemon: { ...config.daemon, http: HTTP } };

function aHandover(parts: Partial<ConstructorParameters<typeof Handover>[0]>) {
  const told: string[] = [];
  const tell = (message: string) => void told.push(message);
  const log = { debug: tell, info: tell, warn: tell, error: tell, critical: tell, component: () => log };
  const configuration = { forNext: () => ({ config }) };
  const good = { configuration, listensOn: null, whyCannotListen: async () => null, askNext: async () => [], log };
  return { handover: new Handover({ ...good, ...parts }), told };
}

test('nothing against it: it may go on', async () => {
  const { handover, told } = aHandover({});
  assert.deepEqual([await handover.whyNot('root'), told], [null, []]);
});

test('each thing that would keep the next opsd from its start refuses, and is logged', async () => {
  const inUse = async () => 'the port is in use';
  const reasons = {
    files: { configuration: { forNext: () => ({ problems: [PROBLEM] }) } },
    address: { configuration: { forNext: () => ({ config: listening }) }, whyCannotListen: inUse },
    program: { askNext: async () => ['main.js check ended with 1', 'SyntaxError'] },
  };
  for (const [what, parts] of Object.entries(reasons)) {
    const { handover, told } = aHandover(parts);
    const refusal = await handover.whyNot('root');
    assert.match(refusal?.message ?? '', /^the next opsd could not start: .*; this opsd goes on$/, what);
    assert.equal(refusal?.problems.length, 1, what);
    assert.deepEqual(told, ['a handover was refused', 'configuration'], what);
  }
});

test('the address that this opsd listens on itself is free for the next', async () => {
  const { handover } = aHandover({
    configuration: { forNext: () => ({ config: listening }) },
    listensOn: HTTP,
    whyCannotListen: async () => 'the port is in use',
  });
  assert.equal(await handover.whyNot('root'), null);
});
